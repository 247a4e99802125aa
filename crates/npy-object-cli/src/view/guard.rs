//! Decides which requests are answered: those that have the token, name this host, come from this
//! page, and only read.

use std::io;

/// The conditions of an answer.
pub(super) struct Guard {
    /// 32 hexadecimal digits from the random numbers of the system. They are the first part of every
    /// path, so that the page needs relative addresses only.
    token: String,
    port: u16,
}

/// The parts of a request that the guard looks at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    /// The path, and what follows it after `?`.
    pub(super) url: &'a str,
    /// The header `Host`; `None` also where there are several.
    pub(super) host: Option<&'a str>,
    pub(super) origin: Option<&'a str>,
    /// The header `Sec-Fetch-Site`, which browsers send and pages cannot change.
    pub(super) fetch_site: Option<&'a str>,
}

/// The reason why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The method is not GET or HEAD.
    Method,
    /// The host is another name, which an attacker may have pointed at this machine.
    Host,
    /// Another page asks.
    Site,
    /// The path does not begin with the token.
    Token,
}

impl Refusal {
    /// Returns the status of the answer, and its text.
    pub(super) fn answer(self) -> (u16, &'static str) {
        match self {
            Refusal::Method => (405, "expected the method GET\n"),
            Refusal::Host => (403, "expected the host of the address that npyo view printed\n"),
            Refusal::Site => (403, "expected a request of the page itself\n"),
            Refusal::Token => (403, "expected the token of the address that npyo view printed\n"),
        }
    }
}

/// Bytes of the token, before they are written as digits.
const TOKEN: usize = 16;

impl Guard {
    /// Creates the guard of a server at this port of 127.0.0.1, with a new token.
    ///
    /// Fails where the system has no random numbers.
    pub(super) fn new(port: u16) -> io::Result<Guard> {
        let mut bytes = [0; TOKEN];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let token = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Guard { token, port })
    }

    /// Returns the address of the page.
    pub(super) fn address(&self) -> String {
        format!("http://127.0.0.1:{}/{}/", self.port, self.token)
    }

    /// Returns the part of the URL after the token, of a request that is answered.
    pub(super) fn admit<'a>(&self, asked: &Asked<'a>) -> Result<&'a str, Refusal> {
        if !matches!(asked.method, "GET" | "HEAD") {
            return Err(Refusal::Method);
        }
        let hosts = ["127.0.0.1", "localhost"].map(|name| format!("{name}:{}", self.port));
        if !asked.host.is_some_and(|host| hosts.iter().any(|known| known == host)) {
            return Err(Refusal::Host);
        }
        let is_own = |origin: &str| {
            origin.strip_prefix("http://").is_some_and(|host| hosts.iter().any(|own| own == host))
        };
        if !asked.origin.is_none_or(is_own) {
            return Err(Refusal::Site);
        }
        let (token, rest) = split_token(asked.url).ok_or(Refusal::Token)?;
        if !is_equal(token.as_bytes(), self.token.as_bytes()) {
            return Err(Refusal::Token);
        }
        // A link from another page opens the page, but nothing else may be asked for from there.
        let is_page = rest.is_empty();
        match asked.fetch_site {
            None | Some("same-origin" | "none") => Ok(rest),
            Some(_) if is_page => Ok(rest),
            Some(_) => Err(Refusal::Site),
        }
    }
}

/// Returns the first part of a path, and what follows it.
fn split_token(url: &str) -> Option<(&str, &str)> {
    url.strip_prefix('/')?.split_once('/')
}

/// Compares two texts in a time that does not depend on where they differ.
fn is_equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard { token: "0123456789abcdef0123456789abcdef".to_owned(), port: 8000 }
    }

    const ASKED: Asked<'static> = Asked {
        method: "GET",
        url: "/0123456789abcdef0123456789abcdef/api/files?x=1",
        host: Some("127.0.0.1:8000"),
        origin: None,
        fetch_site: Some("same-origin"),
    };

    #[test]
    fn request_of_the_page_is_admitted() {
        assert_eq!(guard().admit(&ASKED), Ok("api/files?x=1"));
        let page = Asked { url: "/0123456789abcdef0123456789abcdef/", ..ASKED };
        assert_eq!(guard().admit(&page), Ok(""));
        let named = Asked {
            host: Some("localhost:8000"),
            origin: Some("http://localhost:8000"),
            fetch_site: None,
            method: "HEAD",
            ..ASKED
        };
        assert_eq!(guard().admit(&named), Ok("api/files?x=1"));
    }

    #[test]
    fn wrong_token_is_refused() {
        for url in [
            "",
            "/",
            "/api/files",
            "/0123456789abcdef0123456789abcdef",
            "/0123456789abcdef0123456789abcdee/",
            "/0123456789abcdef0123456789abcde/",
            "//0123456789abcdef0123456789abcdef/",
            "http://127.0.0.1:8000/0123456789abcdef0123456789abcdef/",
        ] {
            assert_eq!(guard().admit(&Asked { url, ..ASKED }), Err(Refusal::Token), "{url}");
        }
    }

    #[test]
    fn wrong_host_is_refused() {
        let hosts =
            ["evil.example", "evil.example:8000", "127.0.0.1", "127.0.0.1:80", "[::1]:8000"];
        for host in hosts.map(Some).into_iter().chain([None]) {
            assert_eq!(guard().admit(&Asked { host, ..ASKED }), Err(Refusal::Host), "{host:?}");
        }
    }

    #[test]
    fn request_of_another_page_is_refused() {
        for origin in ["null", "https://127.0.0.1:8000", "http://evil.example", ""] {
            let asked = Asked { origin: Some(origin), ..ASKED };
            assert_eq!(guard().admit(&asked), Err(Refusal::Site), "{origin}");
        }
        let asked = Asked { fetch_site: Some("cross-site"), ..ASKED };
        assert_eq!(guard().admit(&asked), Err(Refusal::Site));
    }

    #[test]
    fn link_of_another_page_opens_the_page_only() {
        let url = "/0123456789abcdef0123456789abcdef/";
        let asked = Asked { url, fetch_site: Some("cross-site"), ..ASKED };
        assert_eq!(guard().admit(&asked), Ok(""));
    }

    #[test]
    fn method_that_may_write_is_refused() {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "get"] {
            assert_eq!(guard().admit(&Asked { method, ..ASKED }), Err(Refusal::Method), "{method}");
        }
    }

    #[test]
    fn tokens_of_two_guards_differ() {
        let [one, other] = [1, 1].map(|port| Guard::new(port).unwrap().address());
        assert_ne!(one, other);
        assert_eq!(one.len(), "http://127.0.0.1:1/".len() + 2 * TOKEN + 1);
    }
}
