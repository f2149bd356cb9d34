//! Where packages are kept: whole or not at all, private, and whoever else keeps the same.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use agentstack_plugins::{Package, PackageFolder, PluginName};

use crate::support::{KEY, files, sign};

fn package() -> Package {
    Package::new(sign(&KEY, files())).unwrap()
}

#[test]
fn s42_what_is_kept_is_private_and_reads_back_the_same() {
    let root = tempfile::tempdir().unwrap();
    let folder = PackageFolder::new(root.path().join("a/b"));
    let (name, package): (PluginName, _) = ("greeter".parse().unwrap(), package());
    folder.keep(&name, &package).unwrap();
    folder.keep(&name, &package).unwrap();
    assert!(folder.read(&name, package.hash()).unwrap().is_same_as(&package));
    let place = folder.place(&name, package.hash());
    let bits = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((bits(&place), bits(&place.join("plugin.wasm"))), (0o700, 0o600));
    let beside = fs::read_dir(place.parent().unwrap()).unwrap().count();
    assert_eq!(beside, 1, "nothing else is left there");
    // What was changed is replaced; a link is not followed.
    fs::write(place.join("plugin.wasm"), "other").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", place.join("LICENSE")).unwrap();
    folder.keep(&name, &package).unwrap();
    assert!(folder.read(&name, package.hash()).unwrap().is_same_as(&package));
    folder.remove(&name, package.hash()).unwrap();
    folder.remove(&name, package.hash()).unwrap();
    assert!(!place.parent().unwrap().exists() && fs::metadata("/etc/passwd").is_ok());
}

#[test]
fn of_many_who_keep_the_same_at_once_none_fails() {
    let root = tempfile::tempdir().unwrap();
    let folder = PackageFolder::new(root.path().to_owned());
    let name: PluginName = "greeter".parse().unwrap();
    let package = package();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| folder.keep(&name, &package).unwrap());
        }
    });
    let place = folder.place(&name, package.hash());
    assert_eq!(fs::read_dir(place.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn what_cannot_be_written_is_said() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("greeter"), "a file").unwrap();
    let problem = PackageFolder::new(root.path().to_owned()).keep(&"greeter".parse().unwrap(), &package());
    assert!(problem.unwrap_err().to_string().ends_with("cannot be written"));
}
