//! What may take the place of what is installed (S48).

use agentstack_plugins::{Package, Pin, Refused, SecretKey, Succession, verify};
use proptest::prelude::*;

use crate::support::{KEY, files, files_of, manifest, sign, trusting};

fn pin(version: &str) -> Pin {
    let verified = verify(Package::new(sign(&KEY, files())).unwrap(), &trusting(&[&KEY])).unwrap();
    Pin { version: version.parse().unwrap(), ..verified.pin() }
}

#[test]
fn s48_a_lower_version_is_refused() {
    let installed = pin("1.2.0");
    assert_eq!(installed.succeeded_by(&pin("1.2.1")), Ok(Succession::Higher));
    assert_eq!(installed.succeeded_by(&pin("1.2.0")), Ok(Succession::Same));
    for lower in ["1.1.9", "0.9.0", "1.2.0-rc.1"] {
        let refused = installed.succeeded_by(&pin(lower));
        assert_eq!(refused, Err(Refused::Lower { installed: installed.version.clone() }), "{lower}");
    }
}

#[test]
fn s48_a_version_never_changes() {
    let installed = pin("1.2.0");
    let mut other = manifest();
    other["description"] = "Greets whoever pays.".into();
    let verified = verify(Package::new(sign(&KEY, files_of(&other))).unwrap(), &trusting(&[&KEY])).unwrap();
    let version = installed.version.clone();
    assert_eq!(installed.succeeded_by(&verified.pin()), Err(Refused::Replaced { version }));
}

#[test]
fn s48_another_signer_does_not_inherit_what_was_granted() {
    let installed = pin("1.2.0");
    let other = SecretKey::generate().unwrap();
    let offered = other.public_key().unwrap().id();
    let next = Pin { signer: offered, ..pin("2.0.0") };
    let refused = Refused::OtherSigner { installed: installed.signer, offered };
    assert_eq!(installed.succeeded_by(&next), Err(refused));
    let stranger = Pin { name: "stranger".parse().unwrap(), ..pin("2.0.0") };
    assert_eq!(installed.succeeded_by(&stranger), Err(Refused::OtherName));
}

proptest! {
    #[test]
    fn s48_versions_only_rise(offered in proptest::collection::vec((0_u64..3, 0_u64..3, 0_u64..3), 1..20)) {
        let mut installed = pin("0.0.0");
        for (major, minor, patch) in offered {
            let next = pin(&format!("{major}.{minor}.{patch}"));
            let before = installed.version.clone();
            if installed.succeeded_by(&next).is_ok() {
                installed = next;
            }
            prop_assert!(installed.version >= before);
        }
    }
}
