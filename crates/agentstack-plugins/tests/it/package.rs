//! What a folder must be to be a package.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use agentstack_plugins::{COMPONENT, ContentHash, MANIFEST, Package, PackageProblem, SIGNATURE};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::support::files;

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files() {
        fs::write(folder.path().join(&name), content).unwrap();
        chmod(&folder.path().join(name), 0o644);
    }
    folder
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_folder_is_its_files() {
    let folder = folder();
    assert_eq!(Package::read(folder.path()).unwrap(), Package::new(files()).unwrap());
    fs::write(folder.path().join(SIGNATURE), "signature").unwrap();
    let signed = Package::read(folder.path()).unwrap();
    assert_eq!(signed.hash(), Package::new(files()).unwrap().hash());
    assert_eq!(signed.signature(), Some("signature"));
}

/// The same bytes hashed by hand, with nothing of this crate: see docs/plugins.md.
#[test]
fn the_hash_is_what_the_documentation_says() {
    let files = [(COMPONENT, b"\0asm".to_vec()), (MANIFEST, b"{}".to_vec()), ("README.md", b"hi\n".to_vec())];
    let package = Package::new(files).unwrap();
    assert_eq!(
        package.hash().to_string(),
        "6a1b16d9f9ace0bdcdd046530ca44d65309a00e231c05818794eccd54ff64296"
    );
    let names: Vec<&str> = package.files().map(|(name, _)| name).collect();
    assert_eq!(names, ["README.md", "plugin.json", "plugin.wasm"]);
}

#[test]
fn s48_a_link_is_not_followed() {
    for name in [MANIFEST, COMPONENT, "README.md"] {
        let folder = folder();
        let outside = folder.path().parent().unwrap().join("elsewhere");
        fs::remove_file(folder.path().join(name)).unwrap();
        symlink(outside, folder.path().join(name)).unwrap();
        assert!(matches!(Package::read(folder.path()), Err(PackageProblem::NotPlain { .. })), "{name}");
    }
    let (folder, links) = (folder(), tempfile::tempdir().unwrap());
    let link = links.path().join("link");
    symlink(folder.path(), &link).unwrap();
    assert!(matches!(Package::read(&link), Err(PackageProblem::NotFolder { .. })));
}

#[test]
fn s48_only_plain_files_are_read() {
    let in_place = |make: &dyn Fn(&Path)| {
        let folder = folder();
        let path = folder.path().join("LICENSE");
        make(&path);
        Package::read(folder.path()).unwrap_err()
    };
    let folder_there = in_place(&|path| fs::create_dir(path).unwrap());
    assert!(matches!(folder_there, PackageProblem::NotPlain { .. }), "{folder_there}");
    let socket = in_place(&|path| drop(UnixListener::bind(path).unwrap()));
    assert!(matches!(socket, PackageProblem::NotPlain { .. }), "{socket:?}");
    // Opening a pipe that nobody writes to would wait for ever.
    let pipe = in_place(&|path| {
        rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    });
    assert!(matches!(pipe, PackageProblem::NotPlain { .. }), "{pipe}");
}

#[test]
fn s48_what_does_not_belong_there_is_refused() {
    for name in [".git", "plugin.json~", "PLUGIN.JSON", "other.wasm", "a\nb"] {
        let folder = folder();
        fs::write(folder.path().join(name), "").unwrap();
        let problem = Package::read(folder.path()).unwrap_err();
        assert!(matches!(problem, PackageProblem::Unknown { .. }), "{name}");
        assert!(!problem.to_string().contains('\n'));
    }
    for name in ["../plugin.json", "/etc/passwd", "sub/plugin.wasm", "", "plugin.json\0"] {
        let mut files = files();
        files.push((name.to_owned(), Vec::new()));
        assert!(matches!(Package::new(files), Err(PackageProblem::Unknown { .. })), "{name}");
    }
    let twice = [files(), files()].concat();
    assert!(matches!(Package::new(twice), Err(PackageProblem::Twice { .. })));
}

#[test]
fn s48_what_belongs_there_is_asked_for() {
    for name in [MANIFEST, COMPONENT] {
        let mut files = files();
        files.retain(|(known, _)| known != name);
        assert!(matches!(Package::new(files), Err(PackageProblem::Missing { .. })), "{name}");
    }
    assert!(Package::read(Path::new("/nonexistent/plugin")).is_err());
}

#[test]
fn s48_files_have_their_greatest_sizes() {
    for (name, most) in [("LICENSE", 256 * 1024), ("README.md", 256 * 1024), (SIGNATURE, 2 * 1024)] {
        let folder = folder();
        fs::write(folder.path().join(name), vec![b'x'; most]).unwrap();
        assert!(Package::read(folder.path()).is_ok(), "{name}");
        fs::write(folder.path().join(name), vec![b'x'; most + 1]).unwrap();
        assert!(matches!(Package::read(folder.path()), Err(PackageProblem::TooLarge { .. })), "{name}");
    }
    // A file of a terabyte is not read to its end to find that out.
    let folder = folder();
    fs::File::options().write(true).open(folder.path().join(COMPONENT)).unwrap().set_len(1 << 40).unwrap();
    assert!(matches!(Package::read(folder.path()), Err(PackageProblem::TooLarge { .. })));
}

#[test]
fn s42_what_others_can_change_is_refused() {
    for (path, mode, fits) in [
        ("", 0o755, true),
        ("", 0o775, false),
        ("", 0o757, false),
        (MANIFEST, 0o600, true),
        (MANIFEST, 0o664, false),
        (COMPONENT, 0o646, false),
    ] {
        let folder = folder();
        chmod(&folder.path().join(path), mode);
        let read = Package::read(folder.path());
        assert_eq!(read.is_ok(), fits, "{path} {mode:o}");
        assert!(fits || matches!(read, Err(PackageProblem::TooOpen { .. })));
    }
}

proptest! {
    #[test]
    fn s48_the_hash_does_not_depend_on_the_order_of_files(
        files in Just(files()).prop_shuffle(),
    ) {
        prop_assert_eq!(Package::new(files).unwrap().hash(), Package::new(self::files()).unwrap().hash());
    }

    #[test]
    fn s48_different_packages_have_different_hashes(
        one in some_files(), other in some_files(),
    ) {
        let same = one == other;
        let (one, other) = (Package::new(one).unwrap(), Package::new(other).unwrap());
        prop_assert_eq!(one.hash() == other.hash(), same);
        prop_assert_eq!(one.hash().to_string().parse::<ContentHash>(), Ok(one.hash()));
    }
}

/// Files with so little in them that the same bytes often only stand elsewhere.
fn some_files() -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    let content = || proptest::collection::vec(prop_oneof![Just(0_u8), Just(b'R')], 0..3);
    (content(), content(), proptest::option::of(content()), proptest::option::of(content())).prop_map(
        |(manifest, component, readme, license)| {
            let some = [
                (MANIFEST, Some(manifest)),
                (COMPONENT, Some(component)),
                ("README.md", readme),
                ("LICENSE", license),
            ];
            some.into_iter().filter_map(|(name, content)| Some((name, content?))).collect()
        },
    )
}
