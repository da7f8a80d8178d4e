//! The keys of the file, as editors are told of them.

/// What may stand under a key.
pub(super) enum Kind {
    Text,
    Texts,
    Flag,
    Number,
    Duration,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Names and texts.
    Pairs,
    /// A section with keys of its own.
    Section(&'static [Key]),
    /// A list of such sections.
    Sections(&'static [Key]),
    /// A name, or a section.
    NamesOr(&'static [Key]),
    /// LiveKit's own object.
    Object,
}

/// A key, what it may hold, and what it says.
pub(super) type Key = (&'static str, Kind, &'static str);

use Kind::{Duration, Flag, NamesOr, Number, Object, Pairs, Section, Sections, Text, Texts, Word};

pub(super) const FILE: &[Key] = &[
    (
        "gateway",
        Section(GATEWAY),
        "The SIP gateway; a key that is left out counts as it ships",
    ),
    (
        "numbering",
        Section(NUMBERING),
        "How numbers are written where a trunk does not say",
    ),
    ("trunks", Sections(TRUNK), "Trunks that calls come in by"),
    (
        "outbound",
        Sections(OUTBOUND),
        "Trunks that calls go out by",
    ),
    ("rules", Sections(RULE), "Which room a call goes to"),
];

pub(super) const GATEWAY: &[Key] = &[
    ("enabled", Flag, "Whether the gateway runs"),
    (
        "udp",
        Text,
        "Where SIP over UDP is taken: an address with a port",
    ),
    (
        "tcp",
        Text,
        "Where SIP over TCP is taken: an address with a port",
    ),
    (
        "public_ip",
        Text,
        "The address that phones reach us at; empty: found by itself",
    ),
    (
        "stun",
        Text,
        "A STUN server that is asked for public_ip where none is given",
    ),
    ("rtp_ports", Text, "Ports for sound, such as 10000-20000"),
    ("codecs", Texts, "Codecs, the preferred first"),
    (
        "opus_complexity",
        Text,
        "How hard Opus works on a voice: 0, the least, to 10",
    ),
    (
        "answer",
        Word(&["on_agent", "on_room"]),
        "When a call is answered",
    ),
    (
        "agent_wait",
        Duration,
        "How long a caller waits while no agent is to be had",
    ),
    (
        "pin_wait",
        Duration,
        "How long a caller who is asked for a PIN may be silent",
    ),
    ("hold_limit", Duration, "How long a phone may hold its call"),
    (
        "ringing_timeout",
        Duration,
        "How long a phone rings, where its trunk does not say",
    ),
    (
        "max_call_duration",
        Duration,
        "How long a call lasts, where its trunk does not say",
    ),
    (
        "media_timeout",
        Duration,
        "How long a line may be silent, where its trunk does not say",
    ),
    (
        "resume_within",
        Duration,
        "How long nobody may be there for a call that goes on after a restart; 0s: none goes on",
    ),
    (
        "session_timer",
        Duration,
        "In which time both sides say that the call lives; 0s: only where the phone asks",
    ),
    (
        "drain",
        Duration,
        "How long calls may go on once the daemon shall end",
    ),
    (
        "local_networks",
        Texts,
        "Networks whose phones are told our own address in place of public_ip",
    ),
    (
        "srtp",
        WISH,
        "Whether sound is encrypted, where neither trunk nor rule says",
    ),
    ("tls", Section(TLS), "SIP inside TLS"),
    (
        "capture",
        Section(CAPTURE),
        "What is kept of what went over the wire; secrets are covered before",
    ),
    (
        "limits",
        Section(LIMITS),
        "From where on new calls are refused, so that those who are in sound well",
    ),
    (
        "api",
        Text,
        "Where livekit.SIP of this gateway is served beside a remote LiveKit; empty: nowhere",
    ),
];

pub(super) const CAPTURE: &[Key] = &[
    (
        "sip",
        Flag,
        "SIP of each call is kept, for `calls show --sip` and `calls pcap`",
    ),
    (
        "rtp",
        Duration,
        "The sound of each call too, for so long from its beginning, for `calls pcap --rtp`; 0s: none",
    ),
    ("hep", Section(HEP), "Who is told of it over UDP, in HEP3"),
];

pub(super) const HEP: &[Key] = &[
    (
        "collector",
        Text,
        "Homer or such: a host with a port; empty: nobody",
    ),
    ("id", Number, "Our number there"),
    ("password", Text, "What it knows us by"),
];

pub(super) const LIMITS: &[Key] = &[
    (
        "late_frames",
        Text,
        "Share of packets sent more than 20 ms late, such as 5%; 100%: not looked at",
    ),
    (
        "busy",
        Text,
        "Share of their time that the threads for sound are busy; 100%: not looked at",
    ),
    (
        "lag",
        Duration,
        "How long sound that is ready waits for its thread; 0s: not looked at",
    ),
    (
        "setups",
        Number,
        "How many calls are set up at once, until their sound flows; 0: not looked at",
    ),
    (
        "retry_after",
        Duration,
        "When who is refused may come again",
    ),
];

pub(super) const NUMBERING: &[Key] = &[
    (
        "country",
        Text,
        "Whose numbering plan they follow: RU, US, DE; none: as they come",
    ),
    (
        "emergency",
        Texts,
        "Emergency numbers beside the country's own",
    ),
];

pub(super) const REGISTER: &[Key] = &[
    (
        "registrar",
        Text,
        "A host, with a port where it is not the usual one, or a SIP URI",
    ),
    (
        "username",
        Text,
        "The user, of the address and of the login",
    ),
    (
        "password",
        Text,
        "The password: a variable, such as ${SIP_PASSWORD}",
    ),
    (
        "expires",
        Duration,
        "How long to ask for; renewed long before",
    ),
    (
        "keep_alive",
        Duration,
        "How often the way is kept open; 0s: never",
    ),
    (
        "contact_user",
        Text,
        "The user part of our contact; none: one that no number is like",
    ),
    ("outbound_proxy", Text, "What requests pass first"),
    (
        "from_host",
        Text,
        "The domain of our address there, where it is not the registrar's",
    ),
];

const WISH: Kind = Word(&["disable", "allow", "require"]);

pub(super) const TLS: &[Key] = &[
    (
        "listen",
        Text,
        "Where SIP inside TLS is taken: an address with a port",
    ),
    (
        "certificate",
        Text,
        "A file: the certificate, with those up to its CA",
    ),
    ("key", Text, "A file: its key"),
    (
        "client_ca",
        Text,
        "A file: only who shows a certificate of one of these CAs may connect",
    ),
    ("peers", Sections(PEER), "Whom we connect to"),
];

pub(super) const PEER: &[Key] = &[
    ("host", Text, "Its name"),
    ("ca", Text, "A file: its CA, or its own certificate"),
    ("certificate", Text, "A file: what we show there"),
    ("key", Text, "A file: the key of that"),
    (
        "pins",
        Texts,
        "Its certificate has one of these keys: sha256/ and base64",
    ),
];

pub(super) const AUTH: &[Key] = &[
    ("username", Text, "The user"),
    (
        "password",
        Text,
        "The password: a variable, such as ${SIP_PASSWORD}",
    ),
    (
        "realm",
        Text,
        "The realm of the challenge; LiveKit's is LiveKit",
    ),
];

pub(super) const MEDIA: &[Key] = &[
    (
        "codecs",
        Texts,
        "Names, with a rate where one is needed: PCMU, opus/48000",
    ),
    ("only_listed_codecs", Flag, "No other codec"),
    (
        "encryption",
        Word(&["disable", "allow", "require"]),
        "Encryption of the sound",
    ),
    ("timeout", Duration, "How long the line may be silent"),
];

const INCLUDE: Kind = Word(&["none", "x_headers", "all"]);

pub(super) const TRUNK: &[Key] = &[
    ("key", Text, "This file's own name for it"),
    ("name", Text, "For people"),
    ("metadata", Text, "Yours"),
    ("numbers", Texts, "Called numbers; none: any"),
    (
        "allowed_addresses",
        Texts,
        "Addresses and networks that calls come from; none: any",
    ),
    ("allowed_numbers", Texts, "Numbers that call; none: any"),
    (
        "called_number_from",
        Texts,
        "Headers that name the called number",
    ),
    ("auth", Section(AUTH), "The login that callers must know"),
    ("headers", Pairs, "Headers of our answer"),
    (
        "headers_to_attributes",
        Pairs,
        "Header: attribute of the participant",
    ),
    (
        "attributes_to_headers",
        Pairs,
        "Attribute of the participant: header",
    ),
    (
        "include_headers",
        INCLUDE,
        "Which headers become attributes sip.h.*",
    ),
    ("ringing_timeout", Duration, "How long a caller may ring"),
    ("max_call_duration", Duration, "How long a call may last"),
    ("krisp_enabled", Flag, "Noise cancellation of LiveKit Cloud"),
    ("media", Section(MEDIA), "Codecs, encryption, silence"),
    ("encryption", WISH, "As media.encryption"),
    (
        "register",
        Section(REGISTER),
        "The registration that its provider wants",
    ),
    (
        "country",
        Text,
        "Whose numbering plan its numbers follow; none: the file's",
    ),
    ("trusted", Flag, "What it says of the caller is believed"),
    (
        "allow_refer",
        Text,
        "The outbound trunk that its phones may pass their calls on over; none: they may not",
    ),
];

pub(super) const OUTBOUND: &[Key] = &[
    ("key", Text, "This file's own name for it"),
    ("name", Text, "For people"),
    ("metadata", Text, "Yours"),
    (
        "address",
        Text,
        "A host, with a port where it is not the usual one",
    ),
    (
        "transport",
        Word(&["auto", "udp", "tcp", "tls"]),
        "How it is reached",
    ),
    ("numbers", Texts, "Numbers to call from"),
    ("auth", Section(AUTH), "The login at the provider"),
    ("from_host", Text, "The host of From"),
    ("outbound_proxy", Text, "What calls pass first"),
    (
        "destination_country",
        Text,
        "Two letters, for LiveKit Cloud",
    ),
    ("headers", Pairs, "Headers of the INVITE"),
    (
        "headers_to_attributes",
        Pairs,
        "Header: attribute of the participant",
    ),
    (
        "attributes_to_headers",
        Pairs,
        "Attribute of the participant: header",
    ),
    (
        "include_headers",
        INCLUDE,
        "Which headers become attributes sip.h.*",
    ),
    ("media", Section(MEDIA), "Codecs, encryption, silence"),
    (
        "allow_refer",
        Text,
        "The outbound trunk that phones called over this one may pass their calls on over",
    ),
];

pub(super) const RULE: &[Key] = &[
    ("key", Text, "This file's own name for it"),
    ("name", Text, "For people"),
    ("trunks", Texts, "Keys of trunks; none: every trunk"),
    ("numbers", Texts, "Called numbers; none: any"),
    ("callers", Texts, "Numbers that call; none: any"),
    ("direct", Section(DIRECT), "One room for all"),
    ("individual", Section(INDIVIDUAL), "One room a caller"),
    ("callee", Section(CALLEE), "One room a called number"),
    (
        "hide_phone_number",
        Flag,
        "Keep the caller's number out of the room",
    ),
    ("agents", NamesOr(AGENT), "Agents to send into the room"),
    ("metadata", Text, "The participant has it"),
    ("attributes", Pairs, "The participant has them"),
    ("room_preset", Text, "A preset of LiveKit Cloud"),
    ("room_config", Object, "LiveKit's RoomConfiguration"),
    ("krisp_enabled", Flag, "Noise cancellation of LiveKit Cloud"),
    ("media", Section(MEDIA), "Codecs, encryption, silence"),
];

const PIN: Key = ("pin", Text, "Digits that the caller must type");

pub(super) const DIRECT: &[Key] = &[("room", Text, "Its name"), PIN];
pub(super) const INDIVIDUAL: &[Key] = &[
    ("room_prefix", Text, "The beginning of its name"),
    PIN,
    (
        "no_randomness",
        Flag,
        "The same caller comes to the same room",
    ),
];
pub(super) const CALLEE: &[Key] = &[
    ("room_prefix", Text, "The beginning of its name"),
    PIN,
    ("randomize", Flag, "Another room each time"),
];
pub(super) const AGENT: &[Key] = &[
    ("name", Text, "agent_name"),
    ("metadata", Text, "What its job is told"),
];
