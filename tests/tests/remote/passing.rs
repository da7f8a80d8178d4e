//! Calls that are not with the phone they began with, not over datagrams, or not answered yet, when
//! their gateway is killed.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;
use trunkline_base::id::RoomName;
use trunkline_client::api::LiveKitApiClient;
use trunkline_store::{Call, Store};
use trunkline_tests::peer;

use super::authority::Authority;
use super::callee::Callee;
use super::house::LIMIT;
use super::phone::{Openssl, Phone, Wire};
use super::place::{Place, dev, journal_is_empty, journalled, order, up};

/// The call of before, which is the only one; its phone has heard that it is up.
async fn begun(place: &Place) -> Call {
    journalled(place.dir.path(), 1).await;
    up(place.dir.path()).await.remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_over_tcp_goes_on_over_the_connection_that_its_phone_makes() {
    let place = Place::new("31600-31699");
    let daemon = place.alone_at_once();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut phone = Phone::over_tcp(&daemon, "4711", &listener).await;
    phone.calls("").await;
    let stream = phone.hears().await;
    let call = begun(&place).await;

    daemon.kill();
    phone.hears_out().await;
    let daemon = place.alone_at_once();
    assert_eq!(phone.hears().await, stream, "the same stream goes on");
    phone.turns_to(Wire::connect(&daemon).await);
    phone.hangs_up().await;
    let row = place.record(&call.call_id).await;
    assert_eq!(row.end_reason.as_deref(), Some("caller_hung_up"));
}

/// Nobody has connected to us since: the goodbye goes to where the phone says that it listens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_over_tcp_is_said_goodbye_to_where_its_phone_listens() {
    let place = Place::new("31700-31799");
    let daemon = place.alone_at_once();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut phone = Phone::over_tcp(&daemon, "4711", &listener).await;
    phone.calls("").await;
    phone.hears().await;
    let call = begun(&place).await;

    daemon.kill();
    phone.hears_out().await;
    let daemon = place.alone_at_once();
    phone.hears().await;
    let api = LiveKitApiClient::new(&daemon.url(), dev()).unwrap();
    let room = RoomName::parse(call.room.as_str()).unwrap();
    api.delete_room(&room).await.unwrap();
    let mut wire = Wire::accept(&listener).await;
    let bye = wire.expects("BYE").await;
    wire.agrees(&bye).await;
    let row = place.record(&call.call_id).await;
    assert_eq!(row.end_reason.as_deref(), Some("room_ended"));
    wait_for_nothing(&place).await;
}

/// The same inside TLS: whoever listens there is believed by its certificate alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_inside_tls_is_said_goodbye_to_inside_tls() {
    let Some(openssl) = peer("openssl") else {
        return;
    };
    let (place, authority) = (Place::new("32300-32399"), Authority::new());
    let free = || {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap()
    };
    let (ours, theirs) = (free(), free());
    let files = authority.certificate(&["127.0.0.1"], 2040);
    let (certificate, key) = (files.certificate.display(), files.key.display());
    let tls = format!(
        "gateway:\n  tls:\n    listen: {ours}\n    certificate: {certificate}\n    key: {key}\n    \
         peers: [{{host: 127.0.0.1, ca: {}}}]\n",
        authority.file().display()
    );
    let changes = [("gateway:\n", tls)];
    let daemon = place.at_once_with(&changes);
    let (gateway, listens) = (ours.to_string(), theirs.to_string());
    let client = ["s_client", "-quiet", "-alpn", "sip/2", "-connect", &gateway];
    let client = Openssl::start(&openssl, &client, theirs);
    let mut phone = Phone::over_tls(&daemon, "4711", client).await;
    phone.calls("").await;
    phone.hears().await;
    let call = begun(&place).await;

    daemon.kill();
    phone.hears_out().await;
    let (certificate, key) = (certificate.to_string(), key.to_string());
    let server = [
        "s_server",
        "-quiet",
        "-alpn",
        "sip/2",
        "-accept",
        &listens,
        "-cert",
        &certificate,
        "-key",
        &key,
    ];
    let server = Openssl::start(&openssl, &server, theirs);
    let daemon = place.at_once_with(&changes);
    phone.hears().await;
    let api = LiveKitApiClient::new(&daemon.url(), dev()).unwrap();
    let room = RoomName::parse(call.room.as_str()).unwrap();
    api.delete_room(&room).await.unwrap();
    let mut wire = Wire::Tls(Box::new(server));
    let bye = wire.expects("BYE").await;
    wire.agrees(&bye).await;
    let row = place.record(&call.call_id).await;
    assert_eq!(row.end_reason.as_deref(), Some("room_ended"));
    wait_for_nothing(&place).await;
}

/// Until both halves of all calls are out of the journal.
async fn wait_for_nothing(place: &Place) {
    let path = place.dir.path().join("trunkline.db").display().to_string();
    let store = Store::open(&path).await.unwrap();
    let empty = async {
        let mut look = tokio::time::interval(Duration::from_millis(50));
        loop {
            look.tick().await;
            let journal = store.journal();
            let all = journal.all().await.unwrap();
            if all.is_empty() && journal.ringing().await.unwrap().is_empty() {
                return;
            }
        }
    };
    timeout(LIMIT, empty).await.expect("the journal is empty");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_another_phone_took_over_goes_on_with_that_one() {
    let place = Place::new("31800-31899");
    let daemon = place.alone_at_once();
    let mut first = Phone::over_udp(&daemon, "4711").await;
    first.calls("").await;
    let call = begun(&place).await;
    let mut other = Phone::over_udp(&daemon, "4712").await;
    let wish = format!("{}Require: replaces\r\n", first.replaces());
    other.calls(&wish).await;
    let bye = first.wire().expects("BYE").await;
    first.wire().agrees(&bye).await;
    let stream = other.hears().await;

    daemon.kill();
    other.hears_out().await;
    let _daemon = place.alone_at_once();
    assert_eq!(other.hears().await, stream, "the same stream goes on");
    other.hangs_up().await;
    let row = place.record(&call.call_id).await;
    assert_eq!(row.end_reason.as_deref(), Some("caller_hung_up"));
    assert_eq!(row.started_at, call.started_at);
    assert!(up(place.dir.path()).await.is_empty());
    // Its ladder goes on too: with the phone that came, and after the kill.
    let shows = [("INVITE", "Replaces: 4711-"), ("BYE", "Call-ID: 4712-")];
    shown(&place, &call, &shows).await;
    journal_is_empty(place.dir.path()).await;
}

/// Until messages are kept of the call that begin so and have that in them.
async fn shown(place: &Place, call: &Call, wanted: &[(&str, &str)]) {
    let path = place.dir.path().join("trunkline.db").display().to_string();
    let store = Store::open(&path).await.unwrap();
    let kept = async {
        let mut look = tokio::time::interval(Duration::from_millis(50));
        loop {
            look.tick().await;
            let all = store.sip_messages().of_call(&call.call_id).await.unwrap();
            let texts = all.into_iter().map(|one| one.bytes.into_inner());
            let texts = texts.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            let texts: Vec<String> = texts.collect();
            let is_there = |(start, part): &(&str, &str)| {
                let mut texts = texts.iter();
                texts.any(|text| text.starts_with(start) && text.contains(part))
            };
            if wanted.iter().all(is_there) {
                return;
            }
        }
    };
    timeout(LIMIT, kept).await.expect("its messages are kept");
    store.close().await;
}

/// A line of the file whose phones may pass calls on, and the way to that phone.
fn passes_on_to(callee: &Callee) -> [(&'static str, String); 2] {
    let trunk = "    allowed_addresses: [127.0.0.0/8]\n";
    let outbound = format!(
        "outbound:\n  - {{key: out, address: \"{}\", transport: udp, numbers: [\"100\"]}}\n",
        callee.address()
    );
    [
        (trunk, format!("{trunk}    allow_refer: out\n")),
        ("outbound: []", outbound),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_its_phone_passed_on_goes_on_with_whom_it_was_passed_to() {
    let place = Place::new("31900-31999");
    let mut callee = Callee::new().await;
    let changes = passes_on_to(&callee);
    let daemon = place.at_once_with(&changes);
    let mut phone = Phone::over_udp(&daemon, "4711").await;
    phone.calls("").await;
    let call = begun(&place).await;
    phone
        .says("REFER", "Refer-To: <sip:102@pbx.example>\r\n")
        .await;
    callee.picks_up().await;
    // It is told how it went, and is hung up.
    let mut over = false;
    while !over {
        let told = phone.wire().expects("").await;
        over = told.starts_with("BYE");
        if over || told.starts_with("NOTIFY") {
            phone.wire().agrees(&told).await;
        }
    }
    hears(&callee).await;

    daemon.kill();
    let daemon = place.at_once_with(&changes);
    hears(&callee).await;
    callee.hangs_up("").await;
    let row = place.record(&call.call_id).await;
    assert_eq!(
        row.end_reason.as_deref(),
        Some("caller_hung_up"),
        "{}",
        daemon.log()
    );
    let dialled = other_call(&place, &call).await;
    let dialled = place.record(&dialled).await;
    assert_eq!(dialled.called.expose(), "102");
    assert_eq!(dialled.end_reason.as_deref(), Some("caller_hung_up"));
    assert!(dialled.ended_at >= row.answered_at);
    wait_for_nothing(&place).await;
}

/// A second of sound, of the process of now.
async fn hears(callee: &Callee) {
    let mut packet = [0; 2048];
    while timeout(Duration::ZERO, callee.rtp.recv(&mut packet))
        .await
        .is_ok()
    {}
    for _ in 0..50 {
        let heard = timeout(LIMIT, callee.rtp.recv(&mut packet)).await;
        heard.expect("no sound").unwrap();
    }
}

async fn other_call(place: &Place, call: &Call) -> String {
    let path = place.dir.path().join("trunkline.db").display().to_string();
    let store = Store::open(&path).await.unwrap();
    let calls = store.calls().list(9).await.unwrap();
    store.close().await;
    let mut others = calls.into_iter().map(|one| one.call_id);
    others.find(|id| *id != call.call_id).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_rang_when_its_gateway_was_killed_hears_a_final_answer() {
    let place = Place::new("32000-32099");
    let daemon = place.alone();
    let mut phone = Phone::over_udp(&daemon, "4711").await;
    phone.rings().await;
    ringing(&place, 1).await;

    daemon.kill();
    let _daemon = place.alone();
    phone.is_refused("503").await;
    let row = place.record(phone.tag()).await;
    assert_eq!(row.answered_at, None);
    wait_for_nothing(&place).await;
}

/// Waits until so many INVITEs are written down.
async fn ringing(place: &Place, count: usize) {
    let path = place.dir.path().join("trunkline.db").display().to_string();
    let store = Store::open(&path).await.unwrap();
    let written = async {
        let mut look = tokio::time::interval(Duration::from_millis(50));
        loop {
            look.tick().await;
            if store.journal().ringing().await.unwrap().len() == count {
                return;
            }
        }
    };
    timeout(LIMIT, written)
        .await
        .expect("what rings is written down");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_we_rang_when_we_were_killed_rings_no_longer() {
    let place = Place::new("32100-32199");
    let daemon = place.alone();
    let mut callee = Callee::new().await;
    let address = callee.address();
    let (call_id, _) = tokio::join!(order(&daemon, &address), callee.is_called());
    callee.says("180 Ringing", "", "").await;
    ringing(&place, 1).await;

    daemon.kill();
    let _daemon = place.alone();
    let cancel = callee.expects("CANCEL").await;
    callee.answer(&cancel, "200 OK", "", "").await;
    callee.says("487 Request Terminated", "", "").await;
    callee.expects("ACK").await;
    let row = place.record(&call_id).await;
    assert_eq!(row.answered_at, None);
    wait_for_nothing(&place).await;
}

/// The tape is cut by the kill and goes on in a second file; both can be played.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_recorded_goes_on_in_a_second_file() {
    let place = Place::new("32200-32299");
    let daemon = place.alone_at_once();
    let mut phone = Phone::over_udp(&daemon, "4711").await;
    phone.calls("").await;
    let call = begun(&place).await;
    recordings(&place, &call, |all| all.len() == 1).await;
    phone.speaks().await;
    phone.speaks().await;

    daemon.kill();
    let _daemon = place.alone_at_once();
    recordings(&place, &call, |all| all.len() == 2).await;
    phone.speaks().await;
    phone.hangs_up().await;
    let all = recordings(&place, &call, |all| all.iter().all(|one| one.is_some())).await;
    assert_eq!(
        all,
        [Some("recovered".to_owned()), Some("complete".to_owned())]
    );
}

/// How the recordings of the call's room ended, as soon as they are as wanted.
async fn recordings(
    place: &Place,
    call: &Call,
    wanted: impl Fn(&[Option<String>]) -> bool,
) -> Vec<Option<String>> {
    let path = place.dir.path().join("trunkline.db").display().to_string();
    let store = Store::open(&path).await.unwrap();
    let found = async {
        let mut look = tokio::time::interval(Duration::from_millis(50));
        loop {
            look.tick().await;
            let all = store.recordings().of_room(&call.room).await.unwrap();
            let all: Vec<Option<String>> = all.into_iter().map(|one| one.outcome).collect();
            if wanted(&all) {
                return all;
            }
        }
    };
    let found = timeout(LIMIT, found).await.expect("recordings");
    store.close().await;
    found
}
