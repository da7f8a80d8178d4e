//! The test vectors of the RFCs, and packets of libsrtp.

use super::cipher::{Cipher, Parts, Place};
use super::counter::{counter_key, counter_mode};
use super::derive::{Label, Protocol, derive};
use super::*;

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits: String = hexadecimal.split_whitespace().collect();
    hex::decode(digits).unwrap()
}

const LIBSRTP_KEY: &str = "e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6";

/// RFC 3711 B.2.
#[test]
fn counter_mode_is_the_standards() {
    let key = counter_key(&bytes("2B7E151628AED2A6ABF7158809CF4F3C")).unwrap();
    let iv: [u8; 16] = bytes("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000")
        .try_into()
        .unwrap();
    let mut stream = [0; 32];
    counter_mode(&key, iv, &mut stream).unwrap();
    let expected = "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB";
    assert_eq!(stream.as_slice(), bytes(expected));
}

/// RFC 3711 B.3 and RFC 6188 7.2.
#[test]
fn session_keys_are_the_standards() {
    let cases = [
        (
            Suite::Aes128CmSha1_80,
            LIBSRTP_KEY,
            "C61E7A93744F39EE10734AFE3FF7A087",
            "30CBBC08863D8C85D49DB34A9AE1",
            "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4",
        ),
        (
            Suite::Aes256CmSha1_80,
            "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6
             3b04803de51ee7c96423ab5b78d2",
            "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4",
            "fa31791685ca444a9e07c6c64e93",
            "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05",
        ),
    ];
    for (suite, master, key, salt, authentication) in cases {
        let master = MasterKey::new(suite, bytes(master)).unwrap();
        for (label, expected) in [
            (Label::Cipher, key),
            (Label::Salt, salt),
            (Label::Authentication, authentication),
        ] {
            let expected = bytes(expected);
            let derived = derive(&master, Protocol::Rtp, label, expected.len()).unwrap();
            assert_eq!(*derived, expected);
        }
    }
}

/// A packet as libsrtp writes it.
#[test]
fn a_packet_is_what_libsrtp_makes_of_it() {
    let master = MasterKey::new(Suite::Aes128CmSha1_80, bytes(LIBSRTP_KEY)).unwrap();
    let plain = bytes("800f1234decafbadcafebabe abababababababababababababababab");
    let sealed =
        bytes("800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb");
    let (mut sender, mut receiver) = (
        Sender::new(&master).unwrap(),
        Receiver::new(&[master]).unwrap(),
    );
    let mut out = Vec::new();
    sender.rtp(&plain, &mut out).unwrap();
    assert_eq!(out, sealed);
    receiver.rtp(&sealed, &mut out).unwrap();
    assert_eq!(out, plain);
}

/// The same of RTCP, whose first index there is 1.
#[test]
fn a_report_is_what_libsrtp_makes_of_it() {
    let master = MasterKey::new(Suite::Aes128CmSha1_80, bytes(LIBSRTP_KEY)).unwrap();
    let plain = bytes("81c8000bcafebabe abababababababababababababababab");
    let sealed =
        bytes("81c8000bcafebabe 7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798");
    let mut sender = Sender::new(&master).unwrap();
    let mut receiver = Receiver::new(&[master]).unwrap();
    let mut out = Vec::new();
    receiver.rtcp(&sealed, &mut out).unwrap();
    assert_eq!(out, plain);
    sender.rtcp(&plain, &mut out).unwrap();
    assert_ne!(out, sealed);
    sender.rtcp(&plain, &mut out).unwrap();
    assert_eq!(out, sealed);
}

const KEY_256: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn gcm(suite: Suite, protocol: Protocol) -> Cipher {
    let key = bytes(KEY_256);
    let mut salt = [0; 14];
    salt[..12].copy_from_slice(&bytes("517569642070726f2071756f"));
    Cipher::with((suite, protocol), &key[..suite.key_length()], &[], salt).unwrap()
}

/// RFC 7714 16.1.1 and 16.2.1.
#[test]
fn gcm_seals_a_packet_as_the_standard_does() {
    let clear = bytes("8040f17b 8041f8d3 5501a0b2");
    let plain = bytes(
        "47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573",
    );
    for (suite, expected) in [
        (
            Suite::AeadAes128Gcm,
            "f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf
             8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        ),
        (
            Suite::AeadAes256Gcm,
            "32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799
             b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
        ),
    ] {
        let cipher = gcm(suite, Protocol::Rtp);
        let parts = Parts {
            clear: &clear,
            behind: [0; 4],
            encrypted: true,
        };
        let place = Place {
            ssrc: 0x5501_a0b2,
            index: 0xf17b,
        };
        let mut whole = [plain.clone(), vec![0; 16]].concat();
        cipher.seal(place, &parts, &mut whole).unwrap();
        assert_eq!(whole, bytes(expected), "{suite:?}");
        cipher.open(place, &parts, &mut whole).unwrap();
        assert_eq!(whole[..plain.len()], plain);
    }
}

/// RFC 7714 17.1.
#[test]
fn gcm_seals_a_report_as_the_standard_does() {
    let clear = bytes("81c8000d 4d617273");
    let plain = bytes(
        "4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef
         deadbeef deadbeef",
    );
    let expected = bytes(
        "63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46
         86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade",
    );
    let parts = Parts {
        clear: &clear,
        behind: [0x80, 0, 0x05, 0xd4],
        encrypted: true,
    };
    let place = Place {
        ssrc: 0x4d61_7273,
        index: 0x5d4,
    };
    let mut whole = [plain, vec![0; 16]].concat();
    let cipher = gcm(Suite::AeadAes128Gcm, Protocol::Rtcp);
    cipher.seal(place, &parts, &mut whole).unwrap();
    assert_eq!(whole, expected);
}
