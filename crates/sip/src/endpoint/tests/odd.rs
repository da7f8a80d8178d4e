//! Requests as real equipment writes them, and as RFC 4475 imagines them: whatever has a readable
//! Via is answered, by going on where what matters can be read, else by a refusal that names what
//! cannot.

use super::*;

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\n";

/// Parts of an INVITE, to be spoiled one by one.
pub(super) struct Odd {
    pub(super) first: &'static str,
    pub(super) headers: Vec<(&'static str, Vec<u8>)>,
    pub(super) body: &'static str,
}

impl Odd {
    pub(super) fn new() -> Self {
        let header = |name, value: &str| (name, value.as_bytes().to_vec());
        Self {
            first: "INVITE sip:100@192.0.2.1 SIP/2.0",
            headers: vec![
                header("Via", "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKodd;rport"),
                header("Max-Forwards", "70"),
                header("From", "<sip:200@192.0.2.9>;tag=them"),
                header("To", "<sip:100@192.0.2.1>"),
                header("Call-ID", "c1"),
                header("CSeq", "1 INVITE"),
                header("Contact", "<sip:200@192.0.2.9:5070>"),
                header("Content-Type", "application/sdp"),
            ],
            body: SDP,
        }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref().to_vec();
        match self.headers.iter_mut().find(|(n, _)| *n == name) {
            Some(slot) => slot.1 = value,
            None => self.headers.push((name, value)),
        }
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(n, _)| *n != name);
        self
    }

    fn bytes(&self, length: Option<String>) -> Vec<u8> {
        let mut out = format!("{}\r\n", self.first).into_bytes();
        for (name, value) in &self.headers {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
        if let Some(length) = length {
            out.extend_from_slice(format!("Content-Length: {length}\r\n").as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(self.body.as_bytes());
        out
    }

    pub(super) fn raw(&self) -> Vec<u8> {
        self.bytes(Some(self.body.len().to_string()))
    }
}

fn replaced(data: &[u8], from: &str, to: &[u8]) -> Vec<u8> {
    let at = data
        .windows(from.len())
        .position(|w| w == from.as_bytes())
        .unwrap();
    [&data[..at], to, &data[at + from.len()..]].concat()
}

/// The invitation a datagram makes, or the answer it gets: status and reason.
fn outcome(data: &[u8]) -> Result<Invitation, (u16, String)> {
    let mut world = World::new();
    world.say_bytes(data);
    if let Some(invitation) = world.invitation() {
        return Ok(invitation);
    }
    match world.sent().pop() {
        Some(Message::Response(response)) => Err((response.status, response.reason)),
        other => panic!(
            "{:?}, {other:?}: {}",
            world.fate,
            String::from_utf8_lossy(data)
        ),
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn a_call_whose_meaning_is_clear_goes_on() {
    let odd = Odd::new;
    let plain = odd().raw();
    let line = |text: &[u8]| replaced(&plain, "Contact:", &[text, b"\r\nContact:"].concat());
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("latin-1 name", odd().with("From", b"\"J\xf6rg M\xfcller\" <sip:200@h>;tag=them").raw()),
        ("latin-1 name without quotes", odd().with("From", b"J\xf6rg <sip:200@h>;tag=them").raw()),
        ("any bytes", odd().with("From", b"\"\x80\xfe\xff\x01\" <sip:200@h>;tag=them").raw()),
        ("nul in a header", odd().with("Subject", b"a\0b").raw()),
        ("latin-1 elsewhere", odd().with("Organization", b"Caf\xe9").raw()),
        ("latin-1 header name", line(b"X-Caf\xe9: 1")),
        ("half a character", odd().with("Subject", b"\xe2\x82").raw()),
        ("odd header name", line(b"X-Call[0]: a")),
        ("blanks in a header name", line(b"X Provider Id: 7")),
        ("no header name", line(b": lonely")),
        ("no colon", line(b"X-Broken header line")),
        ("tab before colon", replaced(&plain, "From:", b"From \t :")),
        ("fold before any header", replaced(&plain, "Via:", b" folded\r\nVia:")),
        ("fold of blanks", odd().with("Subject", "a\r\n   ").raw()),
        ("folded tag", odd().with("From", "<sip:200@h>\r\n ;tag=them").raw()),
        ("empty headers", odd().with("Subject", "").with("Supported", "").with("Require", "").raw()),
        ("leading line breaks", [b"\r\n\r\n", plain.as_slice()].concat()),
        ("leading zeros", [b"\0\0\r\n", plain.as_slice()].concat()),
        ("one leading line break", [b"\r\n", plain.as_slice()].concat()),
        ("byte order mark", [b"\xef\xbb\xbf", plain.as_slice()].concat()),
        ("trailing nuls", [plain.as_slice(), b"\0\0\0"].concat()),
        ("bare line feeds", String::from_utf8(odd().bytes(None)).unwrap().replace("\r\n", "\n").into_bytes()),
        ("no length", odd().bytes(None)),
        ("blanks around the length", odd().bytes(Some(format!("   {}  ", SDP.len())))),
        ("compact names", {
            let mut odd = odd();
            for (name, _) in &mut odd.headers {
                *name = match *name {
                    "Via" => "v", "From" => "F", "To" => "t", "Call-ID" => "I",
                    "Contact" => "m", "Content-Type" => "c", other => other,
                };
            }
            odd.raw()
        }),
        ("mixed case names", replaced(&plain, "Call-ID:", b"cALL-iD:")),
        ("spaced via", odd().with("Via", "SIP  / 2.0  / UDP  192.0.2.9 : 5070  ;  branch  =  z9hG4bKs").raw()),
        ("via with a tab", odd().with("Via", "SIP/2.0/UDP\t192.0.2.9:5070;branch=z9hG4bKs").raw()),
        ("separators too many", odd().with("Via", "SIP/2.0/UDP 192.0.2.9:5070;;branch=z9hG4bKs;,;,,").raw()),
        ("via in IPv6", odd().with("Via", "SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bKs;rport").raw()),
        ("via in IPv6 without brackets", odd().with("Via", "SIP/2.0/UDP ::1;branch=z9hG4bKs;rport").raw()),
        ("via with an underscore", odd().with("Via", "SIP/2.0/UDP sbc_1.example.invalid;branch=z9hG4bKs").raw()),
        ("via of unknown transport", odd().with("Via", "SIP/2.0/FUTURE h;branch=z9hG4bKs").raw()),
        ("via without branch", odd().with("Via", "SIP/2.0/UDP 192.0.2.9:5070").raw()),
        ("cookie without a branch", odd().with("Via", "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bK").raw()),
        ("two vias in a line", odd().with("Via", "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKs, SIP/2.0/TCP 10.0.0.1;branch=z9hG4bKt").raw()),
        ("cseq with zeros and blanks", odd().with("CSeq", "0001   INVITE").raw()),
        ("cseq with a tab", odd().with("CSeq", "1\tINVITE").raw()),
        ("cseq 0", odd().with("CSeq", "0 INVITE").raw()),
        ("no tag", odd().with("From", "<sip:200@h>").raw()),
        ("tag without value", odd().with("From", "<sip:200@h>;tag").raw()),
        ("tag with blanks", odd().with("From", "<sip:200@h>   ;   tag  =  them").raw()),
        ("from without brackets", odd().with("From", "sip:200@h;tag=them").raw()),
        ("no blank before the bracket", odd().with("From", "caller<sip:200@h>;tag=them").raw()),
        ("comma in a bare name", odd().with("From", "Bell, Alexander <sip:200@h>;tag=them").raw()),
        ("no closing bracket", odd().with("From", "<sip:200@h").raw()),
        ("from tel", odd().with("From", "<tel:+15550100>;tag=them").raw()),
        ("from sips", odd().with("From", "<sips:200@h>;tag=them").raw()),
        ("from without user", odd().with("From", "<sip:h>;tag=them").raw()),
        ("from without host", odd().with("From", "<sip:+15550100@>;tag=them").raw()),
        ("from of unknown scheme", odd().with("From", "<urn:service:sos>;tag=them").raw()),
        ("blank in from's user", odd().with("From", "<sip:front desk@h>;tag=them").raw()),
        ("blanks around from's address", odd().with("From", "< sip:200@h >;tag=them").raw()),
        ("utf-8 in from's user", odd().with("From", "<sip:\u{410}\u{43d}@h>;tag=them").raw()),
        ("bad escapes in from's user", odd().with("From", "<sip:%FF%FE%00%zzx@h>;tag=them").raw()),
        ("user parameters", odd().with("From", "<sip:5550100;phone-context=+1@h;user=phone>;tag=them").raw()),
        ("from twice alike", {
            let mut odd = odd();
            odd.headers.push(("From", b"<sip:200@192.0.2.9>;tag=them".to_vec()));
            odd.raw()
        }),
        ("to tel", odd().with("To", "<tel:+15550177;phone-context=example.com>").raw()),
        ("to of unknown scheme", odd().with("To", "isbn:2983792873").raw()),
        ("to with an empty tag", odd().with("To", "<sip:100@h>;tag=").raw()),
        ("no contact", odd().without("Contact").raw()),
        ("contact with a star", odd().with("Contact", "*").raw()),
        ("contact tel", odd().with("Contact", "<tel:+15550100>").raw()),
        ("contact of unknown scheme", odd().with("Contact", "<name:John_Smith>").raw()),
        ("two contacts", odd().with("Contact", "<sip:x@192.0.2.9>;q=0.5, <sip:y@192.0.2.9:9>").raw()),
        ("no max-forwards", odd().without("Max-Forwards").raw()),
        ("max-forwards 0", odd().with("Max-Forwards", "0").raw()),
        ("max-forwards beyond", odd().with("Max-Forwards", "99999").raw()),
        ("nonsense in what we do not read", odd().with("Date", "x").with("Expires", "1e9").with("Session-Expires", "abc").with("Min-SE", "-").raw()),
        ("proxy-require", odd().with("Proxy-Require", "privacy").raw()),
        ("blanks in the request line", Odd { first: "INVITE   sip:100@192.0.2.1   SIP/2.0  ", ..odd() }.raw()),
        ("version in lower case", Odd { first: "INVITE sip:100@192.0.2.1 sip/2.0", ..odd() }.raw()),
        ("uri in brackets", Odd { first: "INVITE <sip:100@192.0.2.1> SIP/2.0", ..odd() }.raw()),
        ("blank in the uri", Odd { first: "INVITE sip:my agent@192.0.2.1 SIP/2.0", ..odd() }.raw()),
        ("escaped user", Odd { first: "INVITE sip:%31%30%30@192.0.2.1 SIP/2.0", ..odd() }.raw()),
        ("null in the user", Odd { first: "INVITE sip:1%0000@192.0.2.1 SIP/2.0", ..odd() }.raw()),
        ("semicolon in the user", Odd { first: "INVITE sip:100;par=u%40ex.net@192.0.2.1 SIP/2.0", ..odd() }.raw()),
        ("headers in the uri", Odd { first: "INVITE sip:100@192.0.2.1?Route=%3Csip:x%3E SIP/2.0", ..odd() }.raw()),
        ("tel uri", Odd { first: "INVITE tel:+15550199 SIP/2.0", ..odd() }.raw()),
        ("uri in IPv6", Odd { first: "INVITE sip:100@[2001:db8::1]:5060 SIP/2.0", ..odd() }.raw()),
        ("no user", Odd { first: "INVITE sip:192.0.2.1:5060 SIP/2.0", ..odd() }.raw()),
        ("type in capitals", odd().with("Content-Type", "Application/SDP ; charset=UTF-8").raw()),
        ("no type", odd().without("Content-Type").raw()),
        ("identity", odd().with("Content-Encoding", "identity").raw()),
        ("late offer", Odd { body: "", ..odd().without("Content-Type") }.raw()),
        ("multipart", Odd {
            body: "--b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b1\r\nContent-Type: x/y\r\n\r\nx\r\n--b1--\r\n",
            ..odd().with("Content-Type", "multipart/mixed;boundary=\"b1\"")
        }.raw()),
    ];
    for (what, data) in cases {
        let invitation = outcome(&data).unwrap_or_else(|answer| panic!("{what}: {answer:?}"));
        let body = &invitation.request.body;
        assert!(
            body.is_empty() || body.starts_with(b"v=0"),
            "{what}: {body:?}"
        );
        let mut world = World::new();
        world.say_bytes(&data);
        let invitation = world.invitation().unwrap();
        let (leg, _) = world
            .endpoint
            .admit(&invitation, Standing::Known, world.now)
            .unwrap();
        world
            .endpoint
            .accept(leg, "v=0".into(), &[], world.now)
            .unwrap();
        assert_eq!(world.statuses(), [100, 200], "{what}");
        world.endpoint.hangup(leg, Vec::new(), world.now).unwrap();
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn a_call_whose_meaning_is_not_clear_is_told_what_is_wrong() {
    let odd = Odd::new;
    let cases: Vec<(Vec<u8>, u16, &str)> = vec![
        (odd().without("From").raw(), 400, "From is missing"),
        (
            odd().with("From", "nonsense").raw(),
            400,
            "From is malformed",
        ),
        (odd().with("From", "").raw(), 400, "From is malformed"),
        (odd().without("To").raw(), 400, "To is missing"),
        (
            odd().with("To", "\"Mr. J <sip:100@h>").raw(),
            400,
            "To is malformed",
        ),
        (odd().without("Call-ID").raw(), 400, "Call-ID is missing"),
        (
            odd().with("Call-ID", "a b@c").raw(),
            400,
            "Call-ID is malformed",
        ),
        (odd().without("CSeq").raw(), 400, "CSeq is missing"),
        (
            odd().with("CSeq", "x INVITE").raw(),
            400,
            "CSeq is malformed",
        ),
        (
            odd().with("CSeq", "36893488147419103232 INVITE").raw(),
            400,
            "CSeq is malformed",
        ),
        (
            odd().with("CSeq", "2147483648 INVITE").raw(),
            400,
            "CSeq is malformed",
        ),
        (
            odd().with("CSeq", "1 OPTIONS").raw(),
            400,
            "CSeq is of another method",
        ),
        (
            odd().with("CSeq", "1 Invite").raw(),
            400,
            "CSeq is of another method",
        ),
        (
            {
                let mut odd = odd();
                odd.headers.push(("From", b"<sip:other@h>;tag=q".to_vec()));
                odd.raw()
            },
            400,
            "From is there twice",
        ),
        (
            {
                let mut odd = odd();
                odd.headers.push(("Call-ID", b"other".to_vec()));
                odd.raw()
            },
            400,
            "Call-ID is there twice",
        ),
        (
            odd().bytes(Some("9999".to_owned())),
            400,
            "Content-Length exceeds the body",
        ),
        (
            odd().bytes(Some("-1".to_owned())),
            400,
            "Content-Length is malformed",
        ),
        (
            odd().bytes(Some("many".to_owned())),
            400,
            "Content-Length is malformed",
        ),
        (
            odd().bytes(Some("1\r\nContent-Length: 2".to_owned())),
            400,
            "Content-Length is malformed",
        ),
        (
            odd().bytes(Some("99999999999999999999999".to_owned())),
            413,
            "body is longer than 65535 bytes",
        ),
        (
            odd().with("X-Pad", "y".repeat(70_000)).raw(),
            513,
            "message is longer than 65535 bytes",
        ),
        (
            odd().with("X-Pad", "y\r\nX: y".repeat(300)).raw(),
            400,
            "more than 256 header lines",
        ),
        (
            Odd {
                first: "INVITE 100 SIP/2.0",
                ..odd()
            }
            .raw(),
            400,
            "Request-URI is malformed",
        ),
        (
            Odd {
                first: "INVITE sip: SIP/2.0",
                ..odd()
            }
            .raw(),
            400,
            "Request-URI is malformed",
        ),
        (
            Odd {
                first: "INVITE sip:100@192.0.2.1 SIP/7.0",
                ..odd()
            }
            .raw(),
            505,
            "version is not supported",
        ),
        (
            Odd {
                first: "INVITE sip:100@192.0.2.1 SIP/7.0",
                ..odd().with("Via", "SIP/7.0/UDP 192.0.2.9:5070;branch=z9hG4bKodd")
            }
            .raw(),
            505,
            "version is not supported",
        ),
        (
            odd()
                .with("Via", "SIP/7.0/UDP 192.0.2.9:5070;branch=z9hG4bKodd")
                .raw(),
            400,
            "Via is malformed",
        ),
        (
            odd()
                .with("Via", "SIP/2.0/UDP 192.0.2.9:99999;branch=z9hG4bKodd")
                .raw(),
            400,
            "Via is malformed",
        ),
        (
            odd()
                .with("Via", "SIP/2.0/UDP [2001:db8::9]:port;branch=z9hG4bKodd")
                .raw(),
            400,
            "Via is malformed",
        ),
        (
            Odd {
                first: "INVITE soap.beep://192.0.2.103:3002 SIP/2.0",
                ..odd()
            }
            .raw(),
            416,
            "Unsupported URI Scheme",
        ),
        (
            odd().with("Require", "nothingSupportsThis").raw(),
            420,
            "Bad Extension",
        ),
        (
            odd()
                .with("Content-Type", "application/unknownformat")
                .raw(),
            415,
            "Unsupported Media Type",
        ),
        (
            odd().with("Content-Encoding", "gzip").raw(),
            415,
            "Unsupported Media Type",
        ),
        (
            odd().with("To", "<sip:100@192.0.2.1>;tag=stale").raw(),
            481,
            "Call/Transaction Does Not Exist",
        ),
    ];
    let starts = [
        "INVITE sip:100@192.0.2.1",
        "INVITE",
        "INVITE sip:100@192.0.2.1 HTTP/1.1",
        "INVITE sip:100@192.0.2.1 SIP/2.0 x",
        "INV:ITE sip:100@192.0.2.1 SIP/2.0",
        "sip:100@192.0.2.1 SIP/2.0",
        "X-Header: and no start line",
    ];
    let broken = starts.map(|first| {
        let data = Odd { first, ..odd() }.raw();
        (data, 400, "start line is malformed")
    });
    for (data, status, reason) in cases.into_iter().chain(broken) {
        let answer = outcome(&data).err();
        assert_eq!(
            answer,
            Some((status, reason.to_owned())),
            "{}",
            String::from_utf8_lossy(&data)
        );
    }
}
