//! URLs in place of files: how they are recognised, split and shown.

use std::borrow::Cow;
use std::path::Path;

/// Returns the text of an argument that is a URL and not the path of a file.
pub(crate) fn of(path: &Path) -> Option<&str> {
    let text = path.to_str()?;
    let (scheme, _) = text.split_once("://")?;
    let is_known = ["http", "https", "s3"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    is_known.then_some(text)
}

/// Returns the URL and the name of the member of `URL/ARCHIVE.npz:MEMBER`.
pub(crate) fn split(url: &str) -> (&str, Option<&str>) {
    const ARCHIVE: &str = ".npz:";
    // A colon in lower-case text has the same place in the URL: only ASCII letters change.
    let Some(found) = url.to_ascii_lowercase().find(ARCHIVE) else { return (url, None) };
    let (archive, member) = url.split_at(found + ARCHIVE.len() - 1);
    (archive, Some(&member[1..]))
}

/// Returns the URL as it is shown: without a user name and a password, and without a query, which may be
/// a signature.
pub(crate) fn shown(url: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else { return Cow::Borrowed(url) };
    // The key of an object may have any character.
    if scheme.eq_ignore_ascii_case("s3") {
        return Cow::Borrowed(url);
    }
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    Cow::Owned(format!("{scheme}://{host}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_schemes_are_urls() {
        for url in ["http://h/a.npy", "HTTPS://h/a.npy", "s3://bucket/a.npy"] {
            assert_eq!(of(Path::new(url)), Some(url));
        }
        for path in ["a.npy", "http:/h/a.npy", "c:\\a.npy", "ftp://h/a.npy", "://"] {
            assert_eq!(of(Path::new(path)), None, "{path}");
        }
    }

    #[test]
    fn member_is_after_the_first_archive() {
        assert_eq!(split("https://h:80/a.npz:b:c/d"), ("https://h:80/a.npz", Some("b:c/d")));
        assert_eq!(split("s3://b/A.NPZ:x.npz:y"), ("s3://b/A.NPZ", Some("x.npz:y")));
        for url in ["https://h:80/a.npz", "s3://b/2026-01-01T00:00.npy", "http://h/a.npz?b:c"] {
            assert_eq!(split(url), (url, None));
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let secret = "https://user:p@ss@host:1/a/b.npy?X-Amz-Signature=s#f";
        assert_eq!(shown(secret), "https://host:1/a/b.npy");
        assert_eq!(shown("http://host?token=a@b/c"), "http://host");
        assert_eq!(shown("http://host/a@b.npy"), "http://host/a@b.npy");
        assert_eq!(shown("s3://bucket/a?b#c@d"), "s3://bucket/a?b#c@d");
    }
}
