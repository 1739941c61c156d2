//! The embedded files with what a server has to say about them: type, tag, how long they may be kept.
//!
//! Text files were compressed when the page was built; `Asset::encoded` picks the smallest form that a client takes.
//! Names under `assets/` carry a hash of their content, so they never change and may be kept for ever.

use std::borrow::Cow;

use rust_embed::{Embed, EmbeddedFile};

/// One file of the page.
#[derive(Debug, Clone)]
pub struct Asset {
    pub bytes: Cow<'static, [u8]>,
    pub content_type: &'static str,
    /// Quoted, ready for the `ETag` header.
    pub etag: String,
    /// Whether the name changes with the content: `true` may be kept for ever, `false` must be asked for again.
    pub immutable: bool,
    brotli: Option<Cow<'static, [u8]>>,
    gzip: Option<Cow<'static, [u8]>>,
}

/// A file in the form in which it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    pub bytes: Cow<'static, [u8]>,
    /// The `Content-Encoding` header, when there is one. Send `Vary: Accept-Encoding` either way.
    pub encoding: Option<&'static str>,
}

/// The file at `path` ("/assets/app-1a2b.js" or without the slash); compressed twins are not files of their own.
pub fn asset(path: &str) -> Option<Asset> {
    let path = path.trim_start_matches('/');
    if path.ends_with(".br") || path.ends_with(".gz") {
        return None;
    }
    Some(read(path, Dist::get(path)?))
}

/// The page itself, for `/` and for every address that the page's own router knows.
pub fn index() -> Asset {
    Dist::get("index.html").map_or_else(missing, |file| read("index.html", file))
}

impl Asset {
    /// The smallest form that the client's `Accept-Encoding` header allows.
    pub fn encoded(self, accept_encoding: &str) -> Encoded {
        let accepts = |name: &str| accept_encoding.split(',').any(|entry| allows(entry, name));
        match (self.brotli, self.gzip) {
            (Some(bytes), _) if accepts("br") => Encoded { bytes, encoding: Some("br") },
            (_, Some(bytes)) if accepts("gzip") => Encoded { bytes, encoding: Some("gzip") },
            _ => Encoded { bytes: self.bytes, encoding: None },
        }
    }
}

#[derive(Embed)]
#[folder = "$STEADFAST_UI_FILES"]
struct Dist;

fn read(path: &str, file: EmbeddedFile) -> Asset {
    let twin = |ending: &str| Dist::get(&format!("{path}.{ending}")).map(|file| file.data);
    Asset {
        bytes: file.data,
        content_type: content_type(path),
        etag: tag(&file.metadata.sha256_hash()),
        immutable: path.starts_with("assets/"),
        brotli: twin("br"),
        gzip: twin("gz"),
    }
}

/// One entry of an `Accept-Encoding` list ("br", "gzip;q=0.8"); a weight of zero forbids.
fn allows(entry: &str, name: &str) -> bool {
    let mut parts = entry.split(';').map(str::trim);
    parts.next().is_some_and(|coding| coding.eq_ignore_ascii_case(name))
        && !parts.any(|weight| weight.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0))
}

fn tag(hash: &[u8; 32]) -> String {
    let hex: String = hash[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        "json" | "webmanifest" => "application/json",
        "png" => "image/png",
        _ => "application/octet-stream",
    }
}

/// Never reached: `build.rs` refuses a folder without an `index.html`.
fn missing() -> Asset {
    let bytes = b"<!doctype html><title>steadfast</title><p>The page is missing from this build.";
    Asset {
        bytes: Cow::Borrowed(bytes),
        content_type: "text/html; charset=utf-8",
        etag: tag(&[0; 32]),
        immutable: false,
        brotli: None,
        gzip: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_there_and_is_asked_for_again_each_time() {
        let page = index();
        assert!(page.bytes.starts_with(b"<!doctype html>"));
        assert_eq!(page.content_type, "text/html; charset=utf-8");
        assert!(!page.immutable);
    }

    #[test]
    fn a_path_is_found_with_and_without_its_slash() {
        let with = asset("/index.html").map(|file| file.etag);
        assert!(with.is_some());
        assert_eq!(with, asset("index.html").map(|file| file.etag));
        assert!(asset("/nothing-here.js").is_none());
    }

    #[test]
    fn compressed_twins_are_not_files_of_their_own() {
        assert!(asset("/index.html.br").is_none());
        assert!(asset("/index.html.gz").is_none());
    }

    #[test]
    fn a_client_gets_only_what_it_takes() {
        let file = Asset {
            bytes: Cow::Borrowed(b"plain"),
            content_type: "text/css",
            etag: String::new(),
            immutable: true,
            brotli: Some(Cow::Borrowed(b"br")),
            gzip: Some(Cow::Borrowed(b"gz")),
        };
        let encoding = |accepts: &str| file.clone().encoded(accepts).encoding;
        assert_eq!(encoding("gzip, deflate, br"), Some("br"));
        assert_eq!(encoding("gzip;q=0.5"), Some("gzip"));
        assert_eq!(encoding("br;q=0, gzip"), Some("gzip"));
        assert_eq!(encoding("identity"), None);
        assert_eq!(encoding(""), None);
    }
}
