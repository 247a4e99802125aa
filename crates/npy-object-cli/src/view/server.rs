//! The server on 127.0.0.1: receives requests, asks the guard, and sends answers.

use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::thread;

use tiny_http::{Method, Request, Server, StatusCode};

use super::answer::Answer;
use super::assets;
use super::guard::{Asked, Guard};
use super::routes::Routes;

/// Requests that are answered at the same time: the plot of a large array does not stop the list.
const THREADS: usize = 4;

/// Headers of every answer. The page may load its own files and nothing else, may not be shown in
/// another page, and is not stored.
const HEADERS: [(&str, &str); 7] = [
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Cache-Control", "no-store"),
];

/// Serves the page until the process ends. Calls `ready` with its address first.
///
/// Fails where there is no port on 127.0.0.1, and where `ready` fails.
pub(super) fn serve(routes: &Routes, ready: impl FnOnce(&str) -> io::Result<()>) -> io::Result<()> {
    let server = Server::http((Ipv4Addr::LOCALHOST, 0)).map_err(io::Error::other)?;
    let address = server.server_addr().to_ip();
    let port = address.ok_or_else(|| io::Error::other("the server has no port"))?.port();
    let guard = Guard::new(port)?;
    ready(&guard.address())?;
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Ok(request) = server.recv() {
                    let answer = answer(&request, &guard, routes);
                    // The browser may have gone.
                    let _ = send(request, &answer);
                }
            });
        }
    });
    Ok(())
}

fn answer(request: &Request, guard: &Guard, routes: &Routes) -> Answer {
    let only = |name: &'static str| {
        let mut values = request
            .headers()
            .iter()
            .filter(|header| header.field.equiv(name))
            .map(|header| header.value.as_str());
        values.next().filter(|_| values.next().is_none())
    };
    let asked = Asked {
        method: request.method().as_str(),
        url: request.url(),
        host: only("Host"),
        origin: only("Origin"),
        fetch_site: only("Sec-Fetch-Site"),
    };
    match guard.admit(&asked) {
        Ok(url) => assets::find(url).unwrap_or_else(|| routes.answer(url)),
        Err(refusal) => {
            let (status, text) = refusal.answer();
            Answer { status, content_type: "text/plain", body: text.into() }
        }
    }
}

/// Sends an answer, and has the browser close the connection. `tiny_http` may queue a connection behind
/// one that is kept open, where the browser would wait for it.
fn send(request: Request, answer: &Answer) -> io::Result<()> {
    let has_body = *request.method() != Method::Head;
    let status = StatusCode(answer.status);
    let mut to = request.into_writer();
    write!(to, "HTTP/1.1 {} {}\r\n", answer.status, status.default_reason_phrase())?;
    let length = answer.body.len().to_string();
    let own = [
        ("Content-Type", answer.content_type),
        ("Content-Length", &*length),
        ("Connection", "close"),
    ];
    for (name, value) in HEADERS.into_iter().chain(own) {
        write!(to, "{name}: {value}\r\n")?;
    }
    to.write_all(b"\r\n")?;
    if has_body {
        to.write_all(&answer.body)?;
    }
    to.flush()
}
