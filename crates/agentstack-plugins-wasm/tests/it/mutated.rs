//! Bytes that are nearly a component, or nothing of the kind.

use std::sync::{Arc, LazyLock};

use agentstack_plugins::{PluginHost, Unloadable};
use proptest::prelude::*;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

use crate::composed::composed;
use crate::guest::asking;
use crate::world::{Fake, call, host, limits};

static COMPONENT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    asking(
        r#"(table $t 2 funcref) (elem (i32.const 0) $answer)
        (data (i32.const 0) "some text")
        (func (export "call") (param i32 i32 i32 i32) (result i32)
            (call $log_write (i32.const 1) (i32.const 0) (i32.const 9))
            (call $memory_get (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 4)
                (i32.const 1024))
            (call $say (i32.const 0) (i32.const 9))
            (call $said))"#,
    )
});

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

static COMPOSED: LazyLock<Vec<u8>> = LazyLock::new(|| composed("utf8", "latin1+utf16"));

/// Loads it, and calls it if that went well. Neither may panic; what comes of it does not matter.
fn survive(bytes: Vec<u8>) {
    let small = limits(json!({"fuel": 1_000_000, "timeMs": 1_000, "memoryBytes": 1_048_576}));
    runtime().block_on(async {
        match host().load(bytes.into()).await {
            Ok(plugin) => {
                let _ = plugin.call(call(small, &Arc::<Fake>::default())).await;
            }
            Err(Unloadable(text)) => assert_ne!(text, "the compiler has stopped"),
        }
    });
}

#[test]
fn the_component_itself_works() {
    runtime().block_on(async {
        let plugin = host().load(COMPONENT.clone().into()).await.unwrap();
        let answer = plugin.call(call(limits(json!({})), &Arc::<Fake>::default())).await;
        assert_eq!(answer, Ok("some text|".to_owned()));
    });
}

/// Some bytes of it, each made another one.
fn changed(component: &[u8]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let component = component.to_vec();
    let change = (any::<prop::sample::Index>(), any::<u8>());
    prop::collection::vec(change, 1..4).prop_map(move |changes| {
        let mut bytes = component.clone();
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn s52_changed_bytes_are_survived(bytes in changed(&COMPONENT)) {
        survive(bytes);
    }

    #[test]
    fn s52_changed_bytes_between_parts_are_survived(bytes in changed(&COMPOSED)) {
        survive(bytes);
    }

    #[test]
    fn s52_a_part_is_survived(end in any::<prop::sample::Index>()) {
        survive(COMPONENT[..end.index(COMPONENT.len())].to_vec());
    }

    #[test]
    fn s52_any_bytes_are_survived(rest in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = [b"\0asm\x0d\0\x01\0".as_slice(), &rest].concat();
        survive(bytes);
        survive(rest);
    }
}
