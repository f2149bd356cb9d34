//! The names of plugins and tools.

use agentstack_plugins::{ConfigKey, Host, PluginName, RESERVED_NAMES, ToolName, Version};
use proptest::prelude::*;

#[test]
fn a_plugin_has_1_to_31_letters_of_its_own() {
    for good in ["a", "greeter", "web-search2", &"p".repeat(31)] {
        assert!(good.parse::<PluginName>().is_ok(), "{good}");
    }
    for bad in ["", "-a", "a-", "1a", "A", "a_b", "a.b", "a b", "ä", "a\0", &"p".repeat(32)] {
        assert!(bad.parse::<PluginName>().is_err(), "{bad}");
    }
}

#[test]
fn a_tool_has_1_to_32_letters_of_its_own() {
    for good in ["a", "say_hello", "x9_", &"t".repeat(32)] {
        assert!(good.parse::<ToolName>().is_ok(), "{good}");
    }
    for bad in ["", "_a", "9a", "A", "a-b", "a.b", "a b", "é", &"t".repeat(33)] {
        assert!(bad.parse::<ToolName>().is_err(), "{bad}");
    }
}

#[test]
fn no_plugin_has_the_name_of_a_family_of_the_products_operations() {
    for operation in agentstack_api::all_operations() {
        let word = operation.name.split(['_', ':']).next().unwrap();
        assert!(RESERVED_NAMES.contains(&word), "{word}");
        assert!(word.parse::<PluginName>().is_err());
        assert_eq!(PluginName::split(operation.name), None, "{}", operation.name);
    }
}

#[test]
fn a_version_has_one_spelling_and_a_place_in_the_order() {
    let version = |text: &str| text.parse::<Version>();
    for bad in
        ["", "1", "1.2", "v1.2.3", "01.2.3", "1.2.3+build", "1.2.3 ", " 1.2.3", "99999999999999999999.0.0"]
    {
        assert!(version(bad).is_err(), "{bad}");
    }
    assert!(version(&format!("1.0.0-{}", "a".repeat(58))).is_ok());
    assert!(version(&format!("1.0.0-{}", "a".repeat(59))).is_err());
    let ordered =
        ["0.9.9", "1.0.0-alpha", "1.0.0-alpha.2", "1.0.0-alpha.10", "1.0.0", "1.0.1", "1.2.0", "1.10.0"];
    for pair in ordered.windows(2) {
        assert!(version(pair[0]).unwrap() < version(pair[1]).unwrap(), "{pair:?}");
    }
}

#[test]
fn s48_a_host_is_a_full_name_and_never_an_address() {
    for good in ["example.com", "a-b.example.com:8443", "xn--bcher-kva.example:1", "a.b.c1"] {
        assert_eq!(good.parse::<Host>().unwrap().to_string(), good);
    }
    assert_eq!("example.com".parse::<Host>().unwrap().port(), 443);
    for bad in [
        "",
        "localhost",
        "com",
        "*.example.com",
        "example.com.",
        ".example.com",
        "a..b",
        "-a.com",
        "a-.com",
        "Example.com",
        "bücher.example",
        "example.com:443",
        "example.com:",
        "example.com:0",
        "example.com:08443",
        "example.com:+1",
        "example.com:65536",
        "example.com:1:2",
        "https://example.com",
        "example.com/",
        "a@b.com",
        "127.0.0.1",
        "169.254.169.254",
        "1.2",
        "a.0x7f",
        "a.1",
        "127.1",
        "[::1]",
        "::1",
        "a b.com",
        "a_b.com",
        "example.com\n",
        "metadata",
    ] {
        assert!(bad.parse::<Host>().is_err(), "{bad}");
    }
}

#[test]
fn a_setting_has_1_to_64_letters_of_its_own() {
    assert!("apiKey".parse::<ConfigKey>().is_ok());
    assert!("k".repeat(64).parse::<ConfigKey>().is_ok());
    for bad in ["", ".a", "a/b", "a b", "é", &"k".repeat(65)] {
        assert!(bad.parse::<ConfigKey>().is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn s48_what_a_tool_is_offered_as_names_one_plugin_and_one_tool(
        plugin in "[a-z]([a-z0-9-]{0,29}[a-z0-9])?",
        tool in "[a-z][a-z0-9_]{0,31}",
    ) {
        prop_assume!(!RESERVED_NAMES.contains(&plugin.as_str()));
        let (plugin, tool): (PluginName, ToolName) = (plugin.parse().unwrap(), tool.parse().unwrap());
        let offered = plugin.offered(&tool);
        prop_assert!(offered.len() <= 64);
        prop_assert!(offered.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')));
        prop_assert_eq!(PluginName::split(&offered), Some((plugin, tool)));
    }
}
