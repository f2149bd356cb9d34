// What a plugin in C needs: the functions of plugin.wit, memory, and texts. Take it along; it needs no library.
//
// Each call has an instance of its own, and all its memory goes with it: nothing is ever freed.

#ifndef AGENTSTACK_H
#define AGENTSTACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AGENTSTACK_IMPORT(interface, function)                                                     \
    __attribute__((import_module("agentstack:plugin/" interface "@1.0.0"), import_name(function)))

// A text in UTF-8, not ended by anything.
struct text {
    char *at;
    size_t length;
};

#define TEXT(literal) ((struct text){(char *)(literal), sizeof(literal) - 1})

enum place { PLACE_SESSION, PLACE_SHARED };

enum refused { REFUSED_DENIED, REFUSED_INVALID, REFUSED_UNAVAILABLE };

struct refusal {
    uint8_t why; // enum refused
    struct text rule; // if it is invalid
};

struct entry {
    struct text key;
    struct text content;
    uint32_t version;
    bool trusted;
};

struct entries {
    struct entry *at;
    size_t length;
};

// result<option<entry>, refusal>
struct got {
    bool failed;
    union {
        struct {
            bool is_some;
            struct entry entry;
        } ok;
        struct refusal refusal;
    };
};

// result<list<entry>, refusal>
struct found {
    bool failed;
    union {
        struct entries ok;
        struct refusal refusal;
    };
};

// result<string, string>
struct answer {
    bool failed;
    struct text text;
};

// The imports themselves: a text is its place and its length.
AGENTSTACK_IMPORT("memory", "get")
void agentstack_memory_get(uint32_t place, char *shared, size_t shared_length, char *key, size_t key_length,
    struct got *got);

AGENTSTACK_IMPORT("memory", "search")
void agentstack_memory_search(uint32_t place, char *shared, size_t shared_length, char *query, size_t query_length,
    uint32_t limit, struct found *found);

// The entry of a key.
static inline void memory_get(enum place place, struct text shared, struct text key, struct got *got) {
    agentstack_memory_get(place, shared.at, shared.length, key.at, key.length, got);
}

// Entries that match, best first.
static inline void memory_search(
    enum place place, struct text shared, struct text query, uint32_t limit, struct found *found) {
    agentstack_memory_search(place, shared.at, shared.length, query.at, query.length, limit, found);
}

// Where what the linker has laid out ends, and free memory begins.
extern unsigned char __heap_base;

static size_t memory_used;

// Memory for so many bytes. When there is none, the product ends the call.
static void *take(size_t bytes, size_t align) {
    if (memory_used == 0) memory_used = (size_t)&__heap_base;
    size_t at = (memory_used + align - 1) & ~(align - 1);
    size_t end = at + bytes, have = __builtin_wasm_memory_size(0) << 16;
    if (end < at) __builtin_trap();
    if (end > have && __builtin_wasm_memory_grow(0, ((end - have) >> 16) + 1) == (size_t)-1) __builtin_trap();
    memory_used = end;
    return (void *)at;
}

// The product takes memory for what it hands in.
__attribute__((export_name("cabi_realloc")))
void *cabi_realloc(void *old, size_t old_bytes, size_t align, size_t bytes) {
    void *at = take(bytes, align);
    __builtin_memcpy(at, old, old_bytes < bytes ? old_bytes : bytes);
    return at;
}

static bool same(struct text one, struct text other) {
    if (one.length != other.length) return false;
    for (size_t i = 0; i < one.length; i++) {
        if (one.at[i] != other.at[i]) return false;
    }
    return true;
}

// A text that grows.
struct writer {
    char *at;
    size_t length, room;
};

static void write_byte(struct writer *writer, char byte) {
    if (writer->length == writer->room) {
        size_t room = writer->room ? writer->room * 2 : 256;
        char *at = take(room, 1);
        __builtin_memcpy(at, writer->at, writer->length);
        writer->at = at;
        writer->room = room;
    }
    writer->at[writer->length++] = byte;
}

static void write_text(struct writer *writer, struct text text) {
    for (size_t i = 0; i < text.length; i++) write_byte(writer, text.at[i]);
}

static void write_number(struct writer *writer, uint32_t number) {
    char digits[10];
    size_t length = 0;
    do digits[length++] = (char)('0' + number % 10);
    while (number /= 10);
    while (length > 0) write_byte(writer, digits[--length]);
}

// As a string of JSON.
static void write_string(struct writer *writer, struct text text) {
    write_byte(writer, '"');
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        if (byte == '"' || byte == '\\') write_byte(writer, '\\');
        if (byte >= 0x20) {
            write_byte(writer, (char)byte);
        } else {
            write_text(writer, TEXT("\\u00"));
            write_byte(writer, (char)('0' + (byte >> 4)));
            write_byte(writer, "0123456789abcdef"[byte & 15]);
        }
    }
    write_byte(writer, '"');
}

static struct text written(struct writer *writer) {
    return (struct text){writer->at, writer->length};
}

// What is read of a JSON text. The product has checked that it is one and keeps to the tool's schema.
struct reader {
    struct text text;
    size_t next;
};

static char peek(struct reader *reader) {
    while (reader->next < reader->text.length) {
        char byte = reader->text.at[reader->next];
        if (byte != ' ' && byte != '\n' && byte != '\r' && byte != '\t') return byte;
        reader->next++;
    }
    return 0;
}

static char next_byte(struct reader *reader) {
    if (reader->next >= reader->text.length) __builtin_trap();
    return reader->text.at[reader->next++];
}

// Takes the byte away if it is the next one.
static bool takes(struct reader *reader, char byte) {
    if (peek(reader) != byte) return false;
    reader->next++;
    return true;
}

static uint32_t read_hex(struct reader *reader) {
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        char digit = next_byte(reader);
        uint32_t value = digit <= '9' ? (uint32_t)(digit - '0') : (uint32_t)((digit | 0x20) - 'a' + 10);
        unit = unit << 4 | (value & 15);
    }
    return unit;
}

static void write_scalar(struct writer *writer, uint32_t scalar) {
    if (scalar < 0x80) {
        write_byte(writer, (char)scalar);
    } else if (scalar < 0x800) {
        write_byte(writer, (char)(0xc0 | scalar >> 6));
        write_byte(writer, (char)(0x80 | (scalar & 0x3f)));
    } else if (scalar < 0x10000) {
        write_byte(writer, (char)(0xe0 | scalar >> 12));
        write_byte(writer, (char)(0x80 | (scalar >> 6 & 0x3f)));
        write_byte(writer, (char)(0x80 | (scalar & 0x3f)));
    } else {
        write_byte(writer, (char)(0xf0 | scalar >> 18));
        write_byte(writer, (char)(0x80 | (scalar >> 12 & 0x3f)));
        write_byte(writer, (char)(0x80 | (scalar >> 6 & 0x3f)));
        write_byte(writer, (char)(0x80 | (scalar & 0x3f)));
    }
}

static struct text read_string(struct reader *reader) {
    struct writer writer = {0};
    if (!takes(reader, '"')) __builtin_trap();
    for (;;) {
        char byte = next_byte(reader);
        if (byte == '"') return written(&writer);
        if (byte != '\\') {
            write_byte(&writer, byte);
            continue;
        }
        char escaped = next_byte(reader);
        switch (escaped) {
        case 'b': write_byte(&writer, '\b'); break;
        case 'f': write_byte(&writer, '\f'); break;
        case 'n': write_byte(&writer, '\n'); break;
        case 'r': write_byte(&writer, '\r'); break;
        case 't': write_byte(&writer, '\t'); break;
        case 'u': {
            uint32_t scalar = read_hex(reader);
            if (scalar >= 0xd800 && scalar < 0xdc00) {
                reader->next += 2;
                scalar = 0x10000 + ((scalar - 0xd800) << 10) + (read_hex(reader) - 0xdc00);
            }
            write_scalar(&writer, scalar);
            break;
        }
        default: write_byte(&writer, escaped);
        }
    }
}

// A number without a sign. Of `3.0` the fraction is read, too: the schema says that it is none.
static uint32_t read_number(struct reader *reader) {
    uint32_t number = 0;
    bool fraction = false;
    for (;;) {
        char byte = peek(reader);
        if (byte == '.') fraction = true;
        else if (byte < '0' || byte > '9') return number;
        else if (!fraction) number = number * 10 + (uint32_t)(byte - '0');
        reader->next++;
    }
}

#endif
