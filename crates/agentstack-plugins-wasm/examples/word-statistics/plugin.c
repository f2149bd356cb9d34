// Counts the words of what is remembered: of one entry, or of what a search finds.

#include "agentstack.h"

// What a call asks for.
struct arguments {
    struct text key, query, shared;
    uint32_t limit, top;
};

struct word {
    struct text text;
    uint32_t count;
};

// The words that were seen, by their hash: as many places as a power of two says, at most half of them taken.
struct words {
    struct word *at;
    uint32_t places, distinct, total;
};

struct statistics {
    struct words words;
    uint32_t entries, untrusted, characters;
};

static uint32_t hash(struct text text) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < text.length; i++) hash = (hash ^ (unsigned char)text.at[i]) * 16777619u;
    return hash;
}

// Where the word is, or would be.
static struct word *place_of(struct words *words, struct text text) {
    uint32_t mask = words->places - 1;
    for (uint32_t i = hash(text) & mask;; i = (i + 1) & mask) {
        struct word *word = &words->at[i];
        if (word->count == 0 || same(word->text, text)) return word;
    }
}

static void make_room(struct words *words) {
    struct words larger = {.places = words->places ? words->places * 2 : 1024};
    size_t bytes = larger.places * sizeof(struct word);
    larger.at = take(bytes, _Alignof(struct word));
    __builtin_memset(larger.at, 0, bytes);
    for (uint32_t i = 0; i < words->places; i++) {
        if (words->at[i].count > 0) *place_of(&larger, words->at[i].text) = words->at[i];
    }
    words->at = larger.at;
    words->places = larger.places;
}

static void count_word(struct words *words, struct text text) {
    if (words->distinct * 2 >= words->places) make_room(words);
    struct word *word = place_of(words, text);
    if (word->count == 0) {
        word->text = text;
        words->distinct++;
    }
    word->count++;
    words->total++;
}

// A word is a run of letters and digits, whatever is not ASCII included; an apostrophe may stand within.
static bool belongs_to_word(unsigned char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte >= 0x80;
}

static void count_words(struct statistics *statistics, struct text text) {
    size_t start = 0;
    bool within = false;
    for (size_t i = 0; i <= text.length; i++) {
        unsigned char byte = i < text.length ? (unsigned char)text.at[i] : ' ';
        if (byte >= 'A' && byte <= 'Z') text.at[i] = (char)(byte |= 0x20);
        // Every byte of UTF-8 but those that go on with a character begins one.
        if (i < text.length && (byte & 0xc0) != 0x80) statistics->characters++;
        bool goes_on = byte == '\'' && within && i + 1 < text.length
            && belongs_to_word((unsigned char)text.at[i + 1] | 0x20);
        if (belongs_to_word(byte) || goes_on) {
            if (!within) start = i;
            within = true;
        } else if (within) {
            count_word(&statistics->words, (struct text){text.at + start, i - start});
            within = false;
        }
    }
}

static void count_entry(struct statistics *statistics, struct entry *entry) {
    statistics->entries++;
    if (!entry->trusted) statistics->untrusted++;
    count_words(statistics, entry->content);
}

// Whether the one comes before the other: what is more frequent, and then by its bytes.
static bool comes_before(struct word *one, struct word *other) {
    if (one->count != other->count) return one->count > other->count;
    size_t shorter = one->text.length < other->text.length ? one->text.length : other->text.length;
    for (size_t i = 0; i < shorter; i++) {
        unsigned char a = (unsigned char)one->text.at[i], b = (unsigned char)other->text.at[i];
        if (a != b) return a < b;
    }
    return one->text.length < other->text.length;
}

// The first `top` words, best first; how many there are.
static uint32_t most_frequent(struct words *words, struct word *best, uint32_t top) {
    uint32_t length = 0;
    for (uint32_t i = 0; i < words->places; i++) {
        struct word *word = &words->at[i];
        if (word->count == 0) continue;
        uint32_t at = length < top ? length++ : top;
        while (at > 0 && comes_before(word, &best[at - 1])) {
            if (at < top) best[at] = best[at - 1];
            at--;
        }
        if (at < top) best[at] = *word;
    }
    return length;
}

static void write_field(struct writer *writer, struct text name, uint32_t number) {
    write_text(writer, name);
    write_number(writer, number);
}

static struct text as_json(struct statistics *statistics, uint32_t top) {
    struct word best[20];
    uint32_t length = most_frequent(&statistics->words, best, top);
    struct writer writer = {0};
    write_field(&writer, TEXT("{\"entries\":"), statistics->entries);
    write_field(&writer, TEXT(",\"untrusted\":"), statistics->untrusted);
    write_field(&writer, TEXT(",\"characters\":"), statistics->characters);
    write_field(&writer, TEXT(",\"words\":"), statistics->words.total);
    write_field(&writer, TEXT(",\"distinctWords\":"), statistics->words.distinct);
    write_text(&writer, TEXT(",\"frequent\":["));
    for (uint32_t i = 0; i < length; i++) {
        if (i > 0) write_byte(&writer, ',');
        write_text(&writer, TEXT("{\"word\":"));
        // A text without a break may be a word of any length; the schema of the answer has an end.
        if (best[i].text.length > 100) {
            best[i].text.length = 100;
            while (((unsigned char)best[i].text.at[best[i].text.length] & 0xc0) == 0x80) best[i].text.length--;
        }
        write_string(&writer, best[i].text);
        write_field(&writer, TEXT(",\"count\":"), best[i].count);
        write_byte(&writer, '}');
    }
    write_text(&writer, TEXT("]}"));
    return written(&writer);
}

static struct arguments read_arguments(struct text text) {
    struct arguments arguments = {.limit = 10, .top = 10};
    struct reader reader = {.text = text};
    takes(&reader, '{');
    while (peek(&reader) == '"') {
        struct text name = read_string(&reader);
        takes(&reader, ':');
        if (same(name, TEXT("key"))) arguments.key = read_string(&reader);
        else if (same(name, TEXT("query"))) arguments.query = read_string(&reader);
        else if (same(name, TEXT("shared"))) arguments.shared = read_string(&reader);
        else if (same(name, TEXT("limit"))) arguments.limit = read_number(&reader);
        else if (same(name, TEXT("top"))) arguments.top = read_number(&reader);
        else __builtin_trap(); // The schema has no other.
        takes(&reader, ',');
    }
    if (arguments.top > 20) __builtin_trap();
    return arguments;
}

static struct text why(struct refusal *refusal) {
    switch (refusal->why) {
    case REFUSED_DENIED: return TEXT("this part of memory was not granted");
    case REFUSED_INVALID: return refusal->rule;
    default: return TEXT("memory is not available");
    }
}

static struct answer answer;

static struct answer *fails(struct text text) {
    answer = (struct answer){.failed = true, .text = text};
    return &answer;
}

__attribute__((export_name("call")))
struct answer *call(char *tool_at, size_t tool_length, char *arguments_at, size_t arguments_length) {
    struct text tool = {tool_at, tool_length};
    struct arguments arguments = read_arguments((struct text){arguments_at, arguments_length});
    struct statistics statistics = {0};
    enum place place = arguments.shared.length > 0 ? PLACE_SHARED : PLACE_SESSION;
    if (same(tool, TEXT("of_entry"))) {
        struct got got;
        memory_get(place, arguments.shared, arguments.key, &got);
        if (got.failed) return fails(why(&got.refusal));
        if (got.ok.is_some) count_entry(&statistics, &got.ok.entry);
    } else if (same(tool, TEXT("of_search"))) {
        struct found found;
        memory_search(place, arguments.shared, arguments.query, arguments.limit, &found);
        if (found.failed) return fails(why(&found.refusal));
        for (size_t i = 0; i < found.ok.length; i++) count_entry(&statistics, &found.ok.at[i]);
    } else {
        return fails(TEXT("there is no such tool"));
    }
    answer = (struct answer){.text = as_json(&statistics, arguments.top)};
    return &answer;
}
