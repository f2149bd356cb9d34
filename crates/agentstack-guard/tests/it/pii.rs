//! Personal data: what holds, what nearly does, and where each ends.

use agentstack_guard::{Confidence, Kind};

use crate::support::{self, assert_found, assert_not, confidence};

#[test]
fn addresses_are_found_whole() {
    for email in
        ["anna.schmidt@firma.de", "a@b.co", "o'neil+spam@mail.uni-x.ac.uk", "x_y%z@sub.domain.museum"]
    {
        assert_found(Kind::PiiEmail, email);
    }
    assert_eq!(support::found("Схема: jürgen@bücher.de."), [("pii-email", "jürgen@bücher.de".to_owned())]);
    for not in [
        "anna@example.com",
        "a@b",
        "@handle",
        "git@github.com:o/r.git",
        "a@b.c",
        "x@y..de",
        "root@localhost",
        "user@host.test",
    ] {
        assert_not(Kind::PiiEmail, not);
    }
}

#[test]
fn public_addresses_of_the_internet_are_found() {
    for ip in ["106.31.73.20", "8.8.4.4", "2a02:8109:9a40:1c::2", "6e40:4041:c617:e898:c11:40d2:c669:2eb4"] {
        assert_found(Kind::PiiIp, ip);
    }
    for not in [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "172.16.5.4",
        "169.254.169.254",
        "203.0.113.7",
        "0.0.0.0",
        "256.1.1.1",
        "1.2.3",
        "1.2.3.4.5",
        "version 11.2.3.4",
        "v11.2.3.4",
        "::1",
        "fe80::1:2:3",
        "2001:db8::1:2",
        "12:30:45",
        "std::a1::b",
        "aa:bb:cc:dd:ee:f1",
    ] {
        assert_not(Kind::PiiIp, not);
    }
}

#[test]
fn telephone_numbers_are_found_in_their_usual_writings() {
    for phone in [
        "+49 30 1234567",
        "+1-984-182-0190",
        "+46 (0)8 928 571 38",
        "+447700677662",
        "(602)272-9781",
        "(602) 272-9781",
        "905-674-3793",
        "930.267.3943",
        "001-518-640-0854",
        "03.93.92.16.85",
        "07700 063 966",
        "0490 75 40 81",
        "345-899-3560x4587",
        "+1-604-696-5272 ext. 565",
    ] {
        assert_found(Kind::PiiPhone, phone);
    }
    for (text, phone) in [
        ("Phone: 467 3395", "467 3395"),
        ("call me at 5403926876.", "5403926876"),
        ("Handy 0171 2345678", "0171 2345678"),
        ("78 651 450 (office)", "78 651 450"),
        ("电话：13912345678", "13912345678"),
    ] {
        assert!(
            support::found(text).contains(&("pii-phone", phone.to_owned())),
            "{text}: {:?}",
            support::found(text)
        );
    }
    for not in [
        "2024-05-01 10",
        "01.05.2024",
        "12/31/2024",
        "1,234,567",
        "0.123456789",
        "1700000000",
        "467 3395",
        "12345678",
        "3.14159265",
        "order 1234567",
        "978-3-16-148410-0",
        "2023 2024",
        "550e8400-e29b-41d4-a716-446655440000",
        "#1234567",
        "10:30:00",
    ] {
        assert_not(Kind::PiiPhone, not);
    }
    assert_eq!(confidence(Kind::PiiPhone, "call +49 30 1234567"), Confidence::High);
    assert_eq!(confidence(Kind::PiiPhone, "905-674-3793"), Confidence::Medium);
}

#[test]
fn numbers_with_check_digits_are_found_and_their_neighbours_are_not() {
    for (kind, good, bad) in [
        (Kind::PiiIban, "DE89 3704 0044 0532 0130 00", "DE88 3704 0044 0532 0130 00"),
        (Kind::PiiIban, "GB82WEST12345698765432", "GB82WEST12345698765433"),
        (Kind::PiiIban, "NL91 ABNA 0417 1643 00", "NL91 ABNA 0417 1643 01"),
        (Kind::PiiCard, "4111 1111 1111 1111", "4111 1111 1111 1112"),
        (Kind::PiiCard, "5555-5555-5555-4444", "5555-5555-5555-4445"),
        (Kind::PiiCard, "378282246310005", "378282246310006"),
        (Kind::PiiCard, "3782 822463 10005", "3782 822463 10006"),
        (Kind::PiiCard, "6011111111111117", "9011111111111114"),
        (Kind::PiiCodiceFiscale, "RSSMRA85T10A562S", "RSSMRA85T10A562T"),
        (Kind::PiiDni, "12345678Z", "12345678A"),
        (Kind::PiiDni, "X1234567L", "X1234567M"),
        (Kind::PiiDni, "Z1234567-R", "Z1234567-S"),
        (Kind::PiiCpf, "529.982.247-25", "529.982.247-26"),
        (Kind::PiiAadhaar, "2341 2341 2346", "2341 2341 2347"),
        (Kind::PiiNir, "2 55 08 14 168 025 38", "2 55 08 14 168 025 39"),
        (Kind::PiiSteuerId, "86 095 742 719", "86 095 742 718"),
        (Kind::PiiNino, "AB 12 34 56 C", "AB 12 34 56 E"),
        (Kind::PiiNino, "AB123456C", "DB123456C"),
        (Kind::PiiSsn, "460-89-9847", "666-89-9847"),
        (Kind::PiiSsn, "514-69-0360", "514-00-0360"),
    ] {
        assert_found(kind, good);
        assert_not(kind, bad);
    }
}

#[test]
fn what_is_too_short_to_be_sure_needs_a_word_that_names_it() {
    for (kind, named, number) in [
        (Kind::PiiSsn, "social security number 460899847", "460899847"),
        (Kind::PiiSin, "SIN: 046 454 286", "046 454 286"),
        (Kind::PiiTfn, "tax file number 123 456 782", "123 456 782"),
        (Kind::PiiCpf, "CPF 52998224725", "52998224725"),
        (Kind::PiiSteuerId, "Steuer-ID: 86095742719", "86095742719"),
        (Kind::PiiAadhaar, "Aadhaar 234123412346", "234123412346"),
    ] {
        assert!(
            support::found(named).contains(&(kind.word(), number.to_owned())),
            "{named}: {:?}",
            support::found(named)
        );
        assert_not(kind, number);
    }
    assert_not(Kind::PiiSin, "SIN: 046 454 287");
    assert_not(Kind::PiiSsn, "078-05-1120");
}

#[test]
fn a_number_inside_of_another_thing_is_none() {
    for text in [
        "id_4111111111111111",
        "a4111111111111111",
        "411111111111111111111111",
        "x-4111111111111111",
        "4111111111111111z",
        "0x4111111111111111",
    ] {
        assert_not(Kind::PiiCard, text);
    }
    assert_eq!(support::found("2024 4111 1111 1111 1111"), [("pii-card", "4111 1111 1111 1111".to_owned())]);
}
