//! Frames made by hand, layer by layer, and the same frames damaged in every way that fits in the
//! time.

use std::net::IpAddr;

use whyreset_wire::{
    Ends, IcmpKind, LinkType, OptionKind, Packet, Refusal, Tcp, Transport, Tunnel, checksum, decode, glance,
    plain,
};

fn tcp(payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![
        0x9c, 0x40, 0x00, 0x50, 0, 0, 0, 1, 0, 0, 0, 2, 0x80, 0x18, 0x01, 0xf6, 0, 0, 0, 0,
    ];
    // NOP, NOP, timestamps.
    bytes.extend([1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9]);
    bytes.extend(payload);
    bytes
}

fn ipv4(protocol: u8, body: &[u8]) -> Vec<u8> {
    let total = u16::try_from(20 + body.len()).unwrap().to_be_bytes();
    let mut bytes = vec![
        0x45, 0, total[0], total[1], 0x12, 0x34, 0x40, 0, 61, protocol, 0, 0,
    ];
    bytes.extend([10, 0, 0, 2, 10, 0, 0, 1]);
    bytes.extend(body);
    bytes
}

fn ipv6(next: u8, body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(body.len()).unwrap().to_be_bytes();
    let mut bytes = vec![0x60, 0, 0, 5, len[0], len[1], next, 59];
    bytes.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    bytes.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    bytes.extend(body);
    bytes
}

fn ethernet(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    bytes.extend(kind.to_be_bytes());
    bytes.extend(body);
    bytes
}

fn udp(port: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xc0, 0];
    bytes.extend(port.to_be_bytes());
    bytes.extend([0, 0, 0, 0]);
    bytes.extend(body);
    bytes
}

fn whole(link: LinkType, bytes: &[u8]) -> Packet<'_> {
    decode(link, bytes, u32::try_from(bytes.len()).unwrap()).unwrap()
}

fn segment<'a>(packet: &Packet<'a>) -> Tcp<'a> {
    match packet.transport {
        Transport::Tcp(tcp) => tcp,
        other => panic!("{other:?}"),
    }
}

fn shows_hello(link: LinkType, bytes: &[u8]) -> Packet<'_> {
    let packet = whole(link, bytes);
    let tcp = segment(&packet);
    assert_eq!((tcp.source_port, tcp.destination_port), (40_000, 80));
    assert_eq!((tcp.payload, tcp.payload_len), (&b"hello"[..], 5));
    packet
}

/// Every frame that this file can make, with its link.
fn frames() -> Vec<(LinkType, Vec<u8>)> {
    let v4 = ipv4(6, &tcp(b"hello"));
    let v6 = ipv6(6, &tcp(b"hello"));
    let inner = ethernet(0x0800, &v4);
    let cooked = [&[0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0, 8, 0][..], &v4].concat();
    let cooked2 = [
        &[8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 2, 0, 0][..],
        &v4,
    ]
    .concat();
    let vlan = [&[0, 7, 8, 0][..], &v4].concat();
    let qinq = [&[0, 9, 0x81, 0, 0, 7, 8, 0][..], &v4].concat();
    let mpls = [&[0, 1, 0, 64, 0, 2, 1, 64][..], &v6].concat();
    let pppoe = [&[0x11, 0, 0, 1, 0, 9, 0, 0x21][..], &v4].concat();
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &v4].concat();
    let overlay = [&[8, 0, 0, 0, 0, 0, 42, 0][..], &inner].concat();
    let geneve = [&[1, 0, 0x65, 0x58, 0, 0, 43, 0, 1, 2, 3, 4][..], &inner].concat();
    let gre = [&[0x20, 0, 8, 0, 0, 0, 0, 44][..], &v4].concat();
    let options = [&[6, 0, 1, 4, 0, 0, 0, 0][..], &tcp(b"hello")].concat();
    let first_fragment = [&[6, 0, 0, 1, 0, 0, 0, 5][..], &tcp(b"hello")].concat();
    vec![
        (LinkType::ETHERNET, inner.clone()),
        (LinkType::ETHERNET, ethernet(0x86dd, &v6)),
        (LinkType::ETHERNET, ethernet(0x8100, &vlan)),
        (LinkType::ETHERNET, ethernet(0x88a8, &qinq)),
        (LinkType::ETHERNET, ethernet(0x8847, &mpls)),
        (LinkType::ETHERNET, ethernet(0x8864, &pppoe)),
        (
            LinkType::ETHERNET,
            ethernet(u16::try_from(snap.len()).unwrap(), &snap),
        ),
        (
            LinkType::ETHERNET,
            ethernet(0x0800, &ipv4(17, &udp(4789, &overlay))),
        ),
        (
            LinkType::ETHERNET,
            ethernet(0x86dd, &ipv6(17, &udp(6081, &geneve))),
        ),
        (LinkType::ETHERNET, ethernet(0x0800, &ipv4(47, &gre))),
        (LinkType::RAW, ipv4(4, &v4)),
        (LinkType::RAW, ipv4(41, &v6)),
        (LinkType::RAW, ipv6(0, &options)),
        (LinkType::RAW, ipv6(44, &first_fragment)),
        (LinkType::RAW, v4.clone()),
        (LinkType::IPV6, v6.clone()),
        (LinkType::NULL, [&[2, 0, 0, 0][..], &v4].concat()),
        (LinkType::LOOP, [&[0, 0, 0, 30][..], &v6].concat()),
        (LinkType::PPP, [&[0xff, 3, 0, 0x21][..], &v4].concat()),
        (LinkType::LINUX_SLL, cooked),
        (LinkType::LINUX_SLL2, cooked2),
    ]
}

/// What a glance tells is what decoding tells, where decoding tells anything.
fn agrees(link: LinkType, bytes: &[u8], packet: Result<&Packet<'_>, &Refusal>) {
    let Some(seen) = glance(link, bytes) else { return };
    let Ok(packet) = packet else { return };
    let Transport::Tcp(tcp) = packet.transport else {
        panic!("{:?} for {seen:?}", packet.transport);
    };
    assert_eq!(addresses(seen.ends), (packet.ip.source, packet.ip.destination));
    assert_eq!(
        (seen.source_port, seen.destination_port, seen.flags),
        (tcp.source_port, tcp.destination_port, tcp.flags)
    );
}

fn addresses(ends: Ends) -> (IpAddr, IpAddr) {
    match ends {
        Ends::V4(source, destination) => (
            IpAddr::from(source.to_be_bytes()),
            IpAddr::from(destination.to_be_bytes()),
        ),
        Ends::V6(source, destination) => (IpAddr::from(source), IpAddr::from(destination)),
    }
}

/// What is read on the shortest way is what decoding reads.
fn reads_alike(link: LinkType, bytes: &[u8], wire_len: u32, packet: Result<&Packet<'_>, &Refusal>) {
    let Some(plain) = plain(link, bytes, wire_len) else {
        return;
    };
    let packet = packet.unwrap();
    let tcp = segment(packet);
    let ip = &packet.ip;
    assert_eq!(addresses(plain.ends()), (ip.source, ip.destination));
    assert_eq!((plain.hop_limit(), plain.id()), (ip.hop_limit, ip.id));
    assert_eq!(Some(plain.device()), packet.link.source);
    assert_eq!(format!("{:?}", plain.tcp), format!("{tcp:?}"));
    assert_eq!(plain.checksum(), checksum::check(&packet.ip, &tcp));
}

#[test]
fn the_shortest_ways_take_the_common_case_alone() {
    let taken = |takes: &dyn Fn(LinkType, &[u8]) -> bool| -> Vec<usize> {
        let frames = frames();
        let numbered = frames.iter().enumerate();
        numbered
            .filter(|(_, (link, bytes))| takes(*link, bytes))
            .map(|(number, _)| number)
            .collect()
    };
    assert_eq!(taken(&|link, bytes| glance(link, bytes).is_some()), [0, 1]);
    let plain = |link, bytes: &[u8]| plain(link, bytes, u32::try_from(bytes.len()).unwrap()).is_some();
    assert_eq!(taken(&plain), [0, 1]);
}

#[test]
fn every_link_and_tunnel_leads_to_the_same_segment() {
    for (number, (link, bytes)) in frames().iter().enumerate() {
        let packet = shows_hello(*link, bytes);
        assert_eq!(packet.ip.hop_limit | 6, 63, "frame {number}");
    }
}

#[test]
fn what_is_around_it_is_told() {
    let frames = frames();
    let at = |number: usize| whole(frames[number].0, &frames[number].1);
    assert_eq!(at(2).link.vlan, Some(7));
    assert_eq!(at(3).link.vlan, Some(9));
    assert_eq!(at(7).tunnel, Some(Tunnel::Vxlan { vni: 42 }));
    assert_eq!(at(8).tunnel, Some(Tunnel::Geneve { vni: 43 }));
    assert_eq!(at(9).tunnel, Some(Tunnel::Gre { key: Some(44) }));
    assert_eq!(at(10).tunnel, Some(Tunnel::IpInIp));
    assert_eq!(at(19).link.packet_type, Some(4));
    assert_eq!(at(20).link.interface, Some(3));
    let ip = at(0).ip;
    assert_eq!((ip.hop_limit, ip.id, ip.dont_fragment), (61, Some(0x1234), true));
    assert_eq!(at(1).ip.flow_label, Some(5));
    assert_eq!(at(0).link.source, Some([2, 0, 0, 0, 0, 2]));
}

#[test]
fn the_links_padding_is_no_payload() {
    let mut bytes = ethernet(0x0800, &ipv4(6, &tcp(b"hello")));
    bytes.extend([0; 12]);
    shows_hello(LinkType::ETHERNET, &bytes);
}

#[test]
fn a_super_segment_has_its_length_from_the_wire() {
    let mut bytes = ethernet(0x0800, &ipv4(6, &tcp(b"hello")));
    bytes[16..18].copy_from_slice(&[0, 0]);
    let packet = decode(LinkType::ETHERNET, &bytes, 60_000).unwrap();
    assert_eq!(segment(&packet).payload_len, 60_000 - 14 - 20 - 32);
}

#[test]
fn a_cut_frame_keeps_what_is_there() {
    let bytes = ethernet(0x0800, &ipv4(6, &tcp(b"hello")));
    let at = |len: usize| {
        decode(
            LinkType::ETHERNET,
            &bytes[..len],
            u32::try_from(bytes.len()).unwrap(),
        )
    };
    let cut_payload = at(bytes.len() - 3).unwrap();
    assert_eq!(
        (segment(&cut_payload).payload, segment(&cut_payload).payload_len),
        (&b"he"[..], 5)
    );
    let cut_options = at(14 + 20 + 24).unwrap();
    assert!(segment(&cut_options).cut);
    assert_eq!(segment(&cut_options).options.into_iter().count(), 0);
    assert_eq!(at(14 + 20 + 19).unwrap_err(), Refusal::Truncated { layer: "TCP" });
    assert_eq!(at(14 + 3).unwrap_err(), Refusal::Truncated { layer: "IPv4" });
    assert_eq!(at(5).unwrap_err(), Refusal::Truncated { layer: "Ethernet" });
}

#[test]
fn a_later_fragment_has_no_header() {
    let mut bytes = ipv4(6, &tcp(b"hello"));
    bytes[6..8].copy_from_slice(&[0x00, 0x10]);
    assert!(matches!(
        whole(LinkType::RAW, &bytes).transport,
        Transport::Fragment
    ));
}

#[test]
fn options_are_read_one_by_one() {
    let bytes = ipv4(6, &tcp(b""));
    let packet = whole(LinkType::RAW, &bytes);
    let options: Vec<OptionKind<'_>> = segment(&packet).options.into_iter().collect();
    assert_eq!(options, [OptionKind::Timestamps { val: 7, ecr: 9 }]);
    assert_eq!(OptionKind::Mptcp(&[0x80, 3]).mptcp_reset(), Some(3));
    assert!(OptionKind::Mptcp(&[0x70, 0]).is_mptcp_fastclose());
}

#[test]
fn an_error_quotes_its_segment() {
    let quote = ipv4(6, &tcp(b""));
    let v4 = ipv4(1, &[&[11, 0, 0, 0, 0, 0, 0, 0][..], &quote[..28]].concat());
    let Transport::IcmpError(error) = whole(LinkType::RAW, &v4).transport else {
        panic!("no error");
    };
    assert_eq!(error.kind, IcmpKind::TimeExceeded);
    assert_eq!(error.from, "10.0.0.2".parse::<IpAddr>().unwrap());
    assert_eq!(error.quoted.source, "10.0.0.2:40000".parse().unwrap());
    assert_eq!(error.quoted.seq, Some(1));
    let quote = ipv6(6, &tcp(b""));
    let v6 = ipv6(58, &[&[1, 4, 0, 0, 0, 0, 0, 0][..], &quote].concat());
    let Transport::IcmpError(error) = whole(LinkType::RAW, &v6).transport else {
        panic!("no error");
    };
    assert_eq!(error.kind, IcmpKind::Unreachable(4));
    assert_eq!(error.quoted.destination, "[fd00::1]:80".parse().unwrap());
}

#[test]
fn every_option_is_read_from_its_bytes() {
    let bytes = [
        2, 4, 5, 180, 3, 3, 7, 4, 2, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2, 28, 4, 0x80, 30, 19, 2, 29, 4, 1, 1, 34,
        2, 30, 4, 0x80, 6,
    ];
    let mut segment = tcp(b"");
    segment.splice(20.., bytes);
    segment.resize(60, 0);
    segment[12] = 0xf0;
    let packet = ipv4(6, &segment);
    let options: Vec<OptionKind<'_>> = self::segment(&whole(LinkType::RAW, &packet))
        .options
        .into_iter()
        .collect();
    assert_eq!(
        options,
        [
            OptionKind::Mss(1_460),
            OptionKind::WindowScale(7),
            OptionKind::SackPermitted,
            OptionKind::Sack(&[0, 0, 0, 1, 0, 0, 0, 2]),
            OptionKind::UserTimeout(0x801e),
            OptionKind::Md5,
            OptionKind::Ao,
            OptionKind::FastOpen(&[]),
            OptionKind::Mptcp(&[0x80, 6]),
        ]
    );
    assert_eq!(options[8].mptcp_reset(), Some(6));
    // MP_FASTCLOSE behind one that nobody knows; a length that lies ends the list.
    segment.splice(
        20..,
        [77, 3, 9, 30, 12, 0x70, 0, 1, 2, 3, 4, 5, 6, 7, 8, 3, 200, 1, 1, 1],
    );
    segment[12] = 0xa0;
    let packet = ipv4(6, &segment);
    let options: Vec<OptionKind<'_>> = self::segment(&whole(LinkType::RAW, &packet))
        .options
        .into_iter()
        .collect();
    assert_eq!(options.len(), 2);
    assert_eq!(options[0], OptionKind::Unknown(77, &[9]));
    assert!(options[1].is_mptcp_fastclose());
}

#[test]
fn a_later_fragment_of_either_version_has_no_header() {
    let later = [&[6, 0, 0, 0x10, 0, 0, 0, 5][..], &tcp(b"hello")].concat();
    let packet = ipv6(44, &later);
    assert!(matches!(
        whole(LinkType::RAW, &packet).transport,
        Transport::Fragment
    ));
}

#[test]
fn every_kind_of_error_is_read() {
    let v4 = ipv4(6, &tcp(b""));
    let v6 = ipv6(6, &tcp(b""));
    let kind = |head: [u8; 2], quote: &[u8], of_v4: bool| {
        let error = [&[head[0], head[1], 0, 0, 0, 0, 0, 0][..], quote].concat();
        let packet = if of_v4 { ipv4(1, &error) } else { ipv6(58, &error) };
        match whole(LinkType::RAW, &packet).transport {
            Transport::IcmpError(error) => Some((error.kind, error.quoted.seq)),
            _ => None,
        }
    };
    for (head, expected) in [
        ([3, 3], IcmpKind::Unreachable(3)),
        ([3, 13], IcmpKind::Unreachable(13)),
        ([3, 4], IcmpKind::TooBig),
        ([11, 0], IcmpKind::TimeExceeded),
        ([12, 0], IcmpKind::ParameterProblem),
        ([5, 1], IcmpKind::Redirect),
    ] {
        assert_eq!(kind(head, &v4, true), Some((expected, Some(1))));
        // Four bytes of the segment: its ports, and no number.
        assert_eq!(kind(head, &v4[..24], true), Some((expected, None)));
        assert_eq!(kind(head, &v4[..22], true), None);
    }
    for (head, expected) in [
        ([1, 1], IcmpKind::Unreachable(1)),
        ([2, 0], IcmpKind::TooBig),
        ([3, 0], IcmpKind::TimeExceeded),
        ([4, 1], IcmpKind::ParameterProblem),
    ] {
        assert_eq!(kind(head, &v6, false), Some((expected, Some(1))));
    }
    // An echo, and an error about another protocol.
    assert_eq!(kind([8, 0], &v4, true), None);
    assert_eq!(kind([3, 3], &ipv4(17, &udp(53, b"")), true), None);
}

#[test]
fn what_is_no_connection_is_refused_by_name() {
    let arp = ethernet(0x0806, &[0; 28]);
    assert_eq!(
        decode(LinkType::ETHERNET, &arp, 42).unwrap_err(),
        Refusal::NotIp(0x0806)
    );
    assert_eq!(
        decode(LinkType(105), &arp, 42).unwrap_err(),
        Refusal::UnknownLink(LinkType(105))
    );
    let mut deep = ipv4(6, &tcp(b""));
    for _ in 0..20 {
        deep = ipv4(4, &deep);
    }
    assert_eq!(
        decode(LinkType::RAW, &deep, u32::try_from(deep.len()).unwrap()).unwrap_err(),
        Refusal::TooDeep
    );
    let mut short = ipv4(6, &tcp(b""));
    short[32] = 0x40;
    assert!(matches!(
        decode(LinkType::RAW, &short, 52),
        Err(Refusal::Malformed { layer: "TCP", .. })
    ));
}

#[test]
fn damage_never_panics() {
    let mut state = 0x1234_5678_9abc_def0_u64;
    let mut dice = move |n: usize| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        usize::try_from(state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % n
    };
    let links = [0, 1, 9, 12, 50, 51, 101, 108, 113, 228, 229, 276, 999];
    for (link, frame) in frames() {
        for _ in 0..8_000 {
            let mut bytes = frame.clone();
            for _ in 0..=dice(4) {
                let at = dice(bytes.len());
                bytes[at] = u8::try_from(dice(256)).unwrap();
            }
            bytes.truncate(dice(bytes.len() + 1));
            let link = if dice(10) == 0 {
                LinkType(links[dice(links.len())])
            } else {
                link
            };
            let wire_len = u32::try_from(dice(70_000)).unwrap();
            let packet = decode(link, &bytes, wire_len);
            agrees(link, &bytes, packet.as_ref());
            reads_alike(link, &bytes, wire_len, packet.as_ref());
            if let Ok(packet) = packet
                && let Transport::Tcp(tcp) = packet.transport
            {
                assert!(tcp.options.into_iter().count() <= 40);
                _ = whyreset_wire::hint::protocol(tcp.payload);
                _ = whyreset_wire::hint::last_tls_record(tcp.payload);
                _ = checksum::check(&packet.ip, &tcp);
            }
        }
    }
}
