//! Registrations with somebody else's registrar, and calls that come by them.

use std::process::Command;
use std::time::Duration;

use livekit_protocol as proto;
use tokio::time::timeout;
use trunkline_base::id::RoomName;
use trunkline_base::secret::Secret;
use trunkline_bridge::sip::{
    AnswerPolicy, CallError, Caller, CallerOptions, GatewayConfig, GatewayHandle, OutgoingCall,
    Register, RegistrationState, Standing, TrunkLine,
};
use trunkline_sip::routing::{NumberingPlan, mark};
use trunkline_sip::uri::Uri;
use trunkline_tests::{Kamailio, free_port, peer, root, run};

use super::authority::Authority;
use super::dns::{Dns, PROVIDER};
use super::house::{House, PATIENCE, ROOM};
use super::secured::listens;

const TRUNK: &str = "provider";

/// A trunk that is registered at a port of this machine.
fn line(port: u16, transport: &str) -> TrunkLine {
    let registrar = format!("sip:127.0.0.1:{port};transport={transport}");
    TrunkLine {
        key: TRUNK.to_owned(),
        plan: NumberingPlan::default(),
        is_trusted: true,
        register: Some(Register {
            key: TRUNK.to_owned(),
            registrar: Uri::parse(&registrar).unwrap(),
            username: "alice".to_owned(),
            password: Secret::from("wonderland"),
            domain: None,
            expires: Duration::from_secs(600),
            contact_user: None,
            proxy: None,
            keep_alive: Duration::from_secs(25),
        }),
    }
}

/// A house whose gateway has that trunk beside the usual ones, open to nobody but its registrar.
async fn house(line: TrunkLine) -> House {
    house_with(|config| config.lines = vec![line]).await
}

async fn house_with(tune: impl FnOnce(&mut GatewayConfig)) -> House {
    let house = House::with(AnswerPolicy::OnRoom, tune).await;
    let trunk = proto::SipInboundTrunkInfo {
        name: "registered".to_owned(),
        metadata: mark::mark(TRUNK, ""),
        numbers: vec!["alice".to_owned()],
        ..Default::default()
    };
    house.api.create_inbound_trunk(trunk).await.unwrap();
    house.gateway.reload().await.unwrap();
    house
}

/// Waits until the registration is as told, and says how it is then.
async fn until(
    gateway: &GatewayHandle,
    what: &str,
    fits: impl Fn(&RegistrationState) -> bool,
) -> RegistrationState {
    let mut gateway = gateway.clone();
    let waiting = async {
        loop {
            let state = gateway.registrations().remove(0);
            if fits(&state) {
                return state;
            }
            assert!(gateway.registration_changed().await);
        }
    };
    let found = timeout(PATIENCE * 2, waiting).await;
    found.unwrap_or_else(|_| panic!("never {what}"))
}

fn is_registered(state: &RegistrationState) -> bool {
    matches!(state.standing, Standing::Registered(_))
}

async fn call(kamailio: &Kamailio) -> Result<OutgoingCall, CallError> {
    let options = CallerOptions::new(kamailio.target(), "4711");
    timeout(PATIENCE, Caller::call(options)).await.unwrap()
}

/// Which trunk the only caller in the room came over.
async fn trunk_of_caller(house: &House) -> String {
    let room = RoomName::parse(ROOM).unwrap();
    let found = house.api.list_participants(&room).await.unwrap();
    let mut callers = found
        .iter()
        .filter_map(|one| one.attributes.get("sip.trunkID"));
    callers.next().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_come_by_a_registration_and_follow_both_record_routes() {
    let Some(kamailio) = Kamailio::start() else {
        return;
    };
    let house = house(line(kamailio.port(), "tcp")).await;
    let state = until(&house.gateway, "registered", is_registered).await;
    assert_eq!(state.error, None);
    let trunks = house.api.list_inbound_trunks().await.unwrap();
    let ours = trunks
        .iter()
        .find(|trunk| mark::key(&trunk.metadata).as_deref() == Some(TRUNK))
        .unwrap();

    let theirs = call(&kamailio).await.unwrap();
    assert_eq!(trunk_of_caller(&house).await, ours.sip_trunk_id);
    theirs.hangup().await;
    house.no_calls_left().await;

    // The other side hangs up: its BYE needs both routes too.
    let theirs = call(&kamailio).await.unwrap();
    house.gateway.hang_up().await;
    let summary = timeout(PATIENCE, theirs.ended()).await.unwrap();
    assert_eq!(summary.cause, "remote");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_is_renewed_outlives_its_registrar_and_is_taken_back() {
    let Some(mut kamailio) = Kamailio::start() else {
        return;
    };
    let house = house(line(kamailio.port(), "tcp")).await;
    let first = until(&house.gateway, "registered", is_registered).await;
    let Standing::Registered(granted) = first.standing else {
        panic!("not registered");
    };
    assert!(granted <= 4, "what kamailio grants: {granted}");
    // Renewed with a nonce that is too old by then.
    let mut gateway = house.gateway.clone();
    for _ in 0..3 {
        assert!(
            timeout(PATIENCE, gateway.registration_changed())
                .await
                .unwrap()
        );
        until(&house.gateway, "renewed", is_registered).await;
    }
    kamailio.stop();
    until(&house.gateway, "lost", |state| state.error.is_some()).await;
    kamailio.run();
    let again = |state: &RegistrationState| is_registered(state) && state.error.is_none();
    until(&house.gateway, "registered again", again).await;
    let theirs = call(&kamailio).await.unwrap();
    theirs.hangup().await;
    house.no_calls_left().await;

    house.tasks.begin_drain("test");
    until(&house.gateway, "taken back", |state| !is_registered(state)).await;
    let refused = call(&kamailio).await.err();
    assert!(
        matches!(refused, Some(CallError::Refused(404))),
        "{refused:?}"
    );
    house.close().await;
}

/// Over TLS the registrar has to be the domain that the trunk names, wherever the DNS finds it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_is_registered_over_tls_and_called_by_it_and_a_stranger_has_no_password() {
    let ours = Authority::new();
    let files = ours.certificate(&[PROVIDER], 2090);
    let Some(kamailio) = Kamailio::secured(&files.certificate, &files.key) else {
        return;
    };
    let dns = Dns::of("_sips._tcp", &[kamailio.secure()]).await;
    let mut line = line(kamailio.port(), "tls");
    if let Some(register) = &mut line.register {
        register.registrar = Uri::parse("sip:provider.test;transport=tls").unwrap();
    }
    let config = |config: &mut GatewayConfig, line: &TrunkLine| {
        config.dns = vec![dns.address];
        config.tls = listens(&ours);
        config.lines = vec![line.clone()];
    };
    let house = house_with(|gateway| config(gateway, &line)).await;
    let state = until(&house.gateway, "registered", is_registered).await;
    assert_eq!(state.error, None);
    let contact = state.contact.unwrap();
    let port = house.gateway.tls_addr().unwrap().port();
    let end = format!("@127.0.0.1:{port};transport=tls");
    assert!(contact.ends_with(&end), "{contact}");
    let theirs = call(&kamailio).await.unwrap();
    theirs.hangup().await;
    house.no_calls_left().await;
    house.close().await;

    // The same where another CA is believed.
    let others = Authority::new();
    let house = house_with(|gateway| {
        config(gateway, &line);
        gateway.tls = listens(&others);
    })
    .await;
    let state = until(&house.gateway, "refused", |state| state.error.is_some()).await;
    let error = state.error.unwrap();
    assert!(error.contains("no tls with provider.test"), "{error}");
    assert!(
        state.remedy.unwrap().contains("gateway.tls"),
        "{:?}",
        state.remedy
    );
    assert!(!is_registered(
        &until(&house.gateway, "tried", |_| true).await
    ));
    house.close().await;
}

/// Registrations stayed those of the start until somebody restarted the daemon and its calls.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registrations_come_change_and_go_while_calls_go_on() {
    let Some(kamailio) = Kamailio::start() else {
        return;
    };
    let line = line(kamailio.port(), "tcp");
    let house = house_with(|config| config.lines = vec![line.clone()]).await;
    until(&house.gateway, "registered", is_registered).await;
    let talking = house.call("100").await;

    // Another contact: the first one is taken back, and calls come to the second.
    let mut register = line.register.clone().unwrap();
    register.contact_user = Some("another".to_owned());
    house.gateway.register(vec![register.clone()]);
    let another = |state: &RegistrationState| {
        let contact = state.contact.as_deref().unwrap_or_default();
        is_registered(state) && contact.starts_with("sip:another@")
    };
    until(&house.gateway, "registered otherwise", another).await;
    let theirs = call(&kamailio).await.unwrap();
    theirs.hangup().await;

    house.gateway.register(Vec::new());
    let mut gateway = house.gateway.clone();
    let gone = async {
        while !gateway.registrations().is_empty() {
            assert!(gateway.registration_changed().await);
        }
    };
    timeout(PATIENCE, gone).await.unwrap();
    let refused = call(&kamailio).await.err();
    assert!(
        matches!(refused, Some(CallError::Refused(404))),
        "{refused:?}"
    );

    house.gateway.register(vec![register]);
    let back = async {
        while !house.gateway.registrations().iter().any(is_registered) {
            assert!(gateway.registration_changed().await);
        }
    };
    timeout(PATIENCE, back).await.unwrap();
    assert_eq!(house.gateway.calls(), 1, "the call of before goes on");
    talking.hangup().await;
    house.no_calls_left().await;
    house.close().await;
}

/// Whoever calls past the provider is nobody's caller, whatever contact is asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registered_contact_is_open_to_its_registrar_alone() {
    let mut elsewhere = line(free_port(), "udp");
    if let Some(register) = &mut elsewhere.register {
        register.registrar = Uri::parse("sip:127.0.0.9:9").unwrap();
    }
    let house = house(elsewhere).await;
    let options = CallerOptions::new(house.target("alice"), "4711");
    let refused = timeout(PATIENCE, Caller::call(options))
        .await
        .unwrap()
        .err();
    assert!(
        matches!(refused, Some(CallError::Refused(403 | 404))),
        "{refused:?}"
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registrar_in_a_bad_mood_has_us_in_the_end() {
    let Some(program) = peer("sipp") else {
        return;
    };
    let port = free_port();
    let scratch = tempfile::tempdir().unwrap();
    let mut command = Command::new(program);
    command
        .current_dir(scratch.path())
        .arg("-sf")
        .arg(root().join("peers/sipp/registrar.xml"))
        .args(["-i", "127.0.0.1", "-p", &port.to_string(), "-m", "1"])
        .args(["-nostdin", "-timeout", "30", "-timeout_error"]);
    let limit = Duration::from_secs(40);
    let sipp = tokio::task::spawn_blocking(move || run(&mut command, limit));
    let house = house(line(port, "udp")).await;
    let state = until(&house.gateway, "registered", is_registered).await;
    let Standing::Registered(left) = state.standing else {
        panic!("not registered");
    };
    assert!((800..=900).contains(&left), "{left}");
    assert_eq!(state.error, None);
    let output = sipp.await.unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{told}", output.status);
    house.close().await;
}
