//! Which addresses of the network a connection may be made to (S49).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where clouds answer questions about the machine outside the link-local range, and give it credentials.
const METADATA: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// From where an address leads to the same machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// On the Internet.
    Everywhere,
    /// This machine alone.
    Machine,
    /// A private network.
    Network,
    /// It is never connected to.
    Nowhere,
}

/// From where an address leads to the same machine. An IPv4 address within an IPv6 one is seen through.
#[must_use]
pub fn reach(address: IpAddr) -> Reach {
    // NAT64 is how a network without IPv4 reaches the IPv4 Internet, and nothing else may be reached through it.
    if let Some((form, inner)) = embedded(address) {
        return match (form, reach(IpAddr::V4(inner))) {
            (Form::Mapped, reach) => reach,
            (Form::Nat64, Reach::Everywhere) => Reach::Everywhere,
            _ => Reach::Nowhere,
        };
    }
    match address {
        _ if METADATA.contains(&address) => Reach::Nowhere,
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

/// How an IPv4 address is put into an IPv6 one.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// `::ffff:a.b.c.d`, which the operating system connects to as IPv4.
    Mapped,
    /// `64:ff9b::a.b.c.d` (RFC 6052).
    Nat64,
    /// `2002:aabb:ccdd::` (RFC 3056; its relays are gone, RFC 7526).
    SixToFour,
}

/// The IPv4 address within an IPv6 one, if there is one.
#[must_use]
pub fn embedded(address: IpAddr) -> Option<(Form, Ipv4Addr)> {
    let IpAddr::V6(address) = address else { return None };
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] => Some((Form::Mapped, v4(high, low))),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some((Form::Nat64, v4(high, low))),
        [0x2002, high, low, ..] => Some((Form::SixToFour, v4(high, low))),
        _ => None,
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        [127, ..] => Reach::Machine,
        // The private networks, and what providers put in front of their customers.
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Reach::Network,
        // This network, link-local, protocol assignments, documentation, benchmarks, multicast, reserved.
        [0 | 224..=255, ..]
        | [169, 254, ..]
        | [192, 0, 0 | 2, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => Reach::Nowhere,
        _ => Reach::Everywhere,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Machine,
        // What AWS keeps for its own services (metadata at `::254`, the credentials of pods at `::23`), Teredo,
        // documentation and other special ones.
        [0xfd00, 0xec2, ..] | [0x2001, 0..=0x01ff | 0x0db8, ..] | [0x3fff, ..] => Reach::Nowhere,
        [0xfc00..=0xfdff, ..] => Reach::Network,
        // Only what is handed out for the Internet.
        [0x2000..=0x3fff, ..] => Reach::Everywhere,
        _ => Reach::Nowhere,
    }
}
