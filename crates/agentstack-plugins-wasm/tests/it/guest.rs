//! Components out of text.

/// A component without imports, around a core module with these fields and some that all need. Its `call` takes the
/// places of tool and arguments and returns where its answer is.
pub(crate) fn alone(fields: &str) -> Vec<u8> {
    with_memory("(memory (export \"memory\") 2)", fields)
}

/// The same with a memory of its own kind.
pub(crate) fn with_memory(memory: &str, fields: &str) -> Vec<u8> {
    parse(&format!(
        r#"(component
            (core module $main
                {memory}
                {REALLOC}
                {ANSWER}
                {fields})
            (core instance $main (instantiate $main))
            (func (export "call") (param "tool" string) (param "arguments" string)
                    (result (result string (error string)))
                (canon lift (core func $main "call")
                    (memory (core memory $main "memory")) (realloc (core func $main "realloc")))))"#
    ))
}

/// A component that has all imports, each as a function of the core module: `$log_write`, `$memory_get` and so on.
///
/// For what it answers there are `$say` (a text), `$say_number`, and `$said`, which is the answer of `call`. Results of
/// imports go to 1024. Texts of its own begin at 0.
pub(crate) fn asking(fields: &str) -> Vec<u8> {
    parse(&format!(
        r#"(component
            {IMPORTS}
            (core module $library
                (memory (export "memory") 2)
                {REALLOC})
            (core instance $library (instantiate $library))
            {LOWERED}
            (core module $main
                (import "library" "memory" (memory 0))
                {CORE_IMPORTS}
                {ANSWER}
                {SAY}
                {fields})
            (core instance $main (instantiate $main
                (with "library" (instance $library))
                (with "agentstack" (instance
                    (export "log" (func $log)) (export "get" (func $get)) (export "search" (func $search))
                    (export "store" (func $store)) (export "fetch" (func $fetch))
                    (export "config" (func $config)) (export "now" (func $now))))))
            (func (export "call") (param "tool" string) (param "arguments" string)
                    (result (result string (error string)))
                (canon lift (core func $main "call")
                    (memory (core memory $library "memory")) (realloc (core func $library "realloc")))))"#
    ))
}

/// A component that imports something by this name.
pub(crate) fn importing(name: &str) -> Vec<u8> {
    parse(&format!(
        r#"(component
            (import "{name}" (instance (export "get" (func))))
            (core module $main
                (memory (export "memory") 2)
                {REALLOC}
                {ANSWER}
                (func (export "call") (param i32 i32 i32 i32) (result i32) unreachable))
            (core instance $main (instantiate $main))
            (func (export "call") (param "tool" string) (param "arguments" string)
                    (result (result string (error string)))
                (canon lift (core func $main "call")
                    (memory (core memory $main "memory")) (realloc (core func $main "realloc")))))"#
    ))
}

pub(crate) fn parse(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

/// Memory is handed out from 65,536 on and never taken back.
pub(crate) const REALLOC: &str = r#"
    (global $free (mut i32) (i32.const 65536))
    (func (export "realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
        (local $at i32)
        (local.set $at (i32.and
            (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
            (i32.sub (i32.const 0) (local.get $align))))
        (global.set $free (i32.add (local.get $at) (local.get $size)))
        (block $fits
            (br_if $fits (i32.le_u (global.get $free) (i32.mul (memory.size) (i32.const 65536))))
            (br_if $fits (i32.ne (i32.const -1) (memory.grow
                (i32.add (i32.const 1) (i32.shr_u (local.get $size) (i32.const 16))))))
            unreachable)
        (memory.copy (local.get $at) (local.get $old)
            (select (local.get $old_size) (local.get $size) (i32.lt_u (local.get $old_size) (local.get $size))))
        (local.get $at))"#;

/// `$answer` and `$fail`: a text as the result of `call`.
const ANSWER: &str = r"
    (func $outcome (param $tag i32) (param $at i32) (param $length i32) (result i32)
        (i32.store8 (i32.const 2048) (local.get $tag))
        (i32.store (i32.const 2052) (local.get $at))
        (i32.store (i32.const 2056) (local.get $length))
        (i32.const 2048))
    (func $answer (param $at i32) (param $length i32) (result i32)
        (call $outcome (i32.const 0) (local.get $at) (local.get $length)))
    (func $fail (param $at i32) (param $length i32) (result i32)
        (call $outcome (i32.const 1) (local.get $at) (local.get $length)))";

/// What is said is gathered from 4,096 on, each with a bar behind it.
const SAY: &str = r"
    (global $end (mut i32) (i32.const 4096))
    (func $say (param $at i32) (param $length i32)
        (memory.copy (global.get $end) (local.get $at) (local.get $length))
        (global.set $end (i32.add (global.get $end) (local.get $length)))
        (i32.store8 (global.get $end) (i32.const 124))
        (global.set $end (i32.add (global.get $end) (i32.const 1))))
    (func $say_at (param $at i32)
        (call $say (i32.load (local.get $at)) (i32.load offset=4 (local.get $at))))
    (func $say_number (param $number i64)
        (local $start i32)
        (local.set $start (i32.const 3072))
        (loop $digits
            (local.set $start (i32.sub (local.get $start) (i32.const 1)))
            (i64.store8 (local.get $start)
                (i64.add (i64.const 48) (i64.rem_u (local.get $number) (i64.const 10))))
            (local.set $number (i64.div_u (local.get $number) (i64.const 10)))
            (br_if $digits (i64.ne (local.get $number) (i64.const 0))))
        (call $say (local.get $start) (i32.sub (i32.const 3072) (local.get $start))))
    (func $said (result i32)
        (call $answer (i32.const 4096) (i32.sub (global.get $end) (i32.const 4096))))";

const IMPORTS: &str = r#"
    (import "agentstack:plugin/types@1.0.0" (instance $types
        (type $r (variant (case "denied") (case "invalid" string) (case "unavailable")))
        (export "refusal" (type (eq $r)))))
    (alias export $types "refusal" (type $refusal))
    (import "agentstack:plugin/log@1.0.0" (instance $log
        (type $l (enum "debug" "info" "warn" "error"))
        (export "level" (type $level (eq $l)))
        (export "write" (func (param "level" $level) (param "message" string)))))
    (import "agentstack:plugin/memory@1.0.0" (instance $memory
        (alias outer 1 $refusal (type $r))
        (export "refusal" (type $refusal (eq $r)))
        (type $p (variant (case "session") (case "shared" string)))
        (export "place" (type $place (eq $p)))
        (type $e (record
            (field "key" string) (field "content" string) (field "version" u32) (field "trusted" bool)))
        (export "entry" (type $entry (eq $e)))
        (export "get" (func (param "place" $place) (param "key" string)
            (result (result (option $entry) (error $refusal)))))
        (export "search" (func (param "place" $place) (param "query" string) (param "limit" u32)
            (result (result (list $entry) (error $refusal)))))
        (export "store" (func (param "place" $place) (param "key" string) (param "content" string)
            (result (result u32 (error $refusal)))))))
    (import "agentstack:plugin/http@1.0.0" (instance $http
        (alias outer 1 $refusal (type $r))
        (export "refusal" (type $refusal (eq $r)))
        (type $m (enum "get" "post" "put" "patch" "delete"))
        (export "method" (type $method (eq $m)))
        (type $q (record (field "method" $method) (field "url" string)
            (field "headers" (list (tuple string string))) (field "body" (option (list u8)))))
        (export "request" (type $request (eq $q)))
        (type $a (record (field "status" u16)
            (field "headers" (list (tuple string string))) (field "body" (list u8))))
        (export "response" (type $response (eq $a)))
        (export "fetch" (func (param "request" $request) (result (result $response (error $refusal)))))))
    (import "agentstack:plugin/config@1.0.0" (instance $config
        (alias outer 1 $refusal (type $r))
        (export "refusal" (type $refusal (eq $r)))
        (export "get" (func (param "key" string) (result (result (option string) (error $refusal)))))))
    (import "agentstack:plugin/clock@1.0.0" (instance $clock
        (export "now" (func (result u64)))))"#;

const LOWERED: &str = r#"
    (core func $log (canon lower (func $log "write") (memory (core memory $library "memory"))))
    (core func $get (canon lower (func $memory "get")
        (memory (core memory $library "memory")) (realloc (core func $library "realloc"))))
    (core func $search (canon lower (func $memory "search")
        (memory (core memory $library "memory")) (realloc (core func $library "realloc"))))
    (core func $store (canon lower (func $memory "store")
        (memory (core memory $library "memory")) (realloc (core func $library "realloc"))))
    (core func $fetch (canon lower (func $http "fetch")
        (memory (core memory $library "memory")) (realloc (core func $library "realloc"))))
    (core func $config (canon lower (func $config "get")
        (memory (core memory $library "memory")) (realloc (core func $library "realloc"))))
    (core func $now (canon lower (func $clock "now")))"#;

const CORE_IMPORTS: &str = r#"
    (import "agentstack" "log" (func $log_write (param i32 i32 i32)))
    (import "agentstack" "get" (func $memory_get (param i32 i32 i32 i32 i32 i32)))
    (import "agentstack" "search" (func $memory_search (param i32 i32 i32 i32 i32 i32 i32)))
    (import "agentstack" "store" (func $memory_store (param i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "agentstack" "fetch" (func $http_fetch (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "agentstack" "config" (func $config_get (param i32 i32 i32)))
    (import "agentstack" "now" (func $clock_now (result i64)))"#;
