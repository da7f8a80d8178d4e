//! Regions: a call that fails in one place goes to the next, unless it may have been carried out.

use trunkline_client::api::{ApiOptions, Failover};

use super::server::{AWAY, Act, Server};
use super::{client, quick};

fn everywhere() -> ApiOptions {
    ApiOptions {
        failover: Failover::Always,
        ..quick()
    }
}

/// What a home says of where else it is.
fn list(regions: &[&Server]) -> Act {
    let regions: Vec<String> = regions
        .iter()
        .enumerate()
        .map(|(n, server)| {
            format!(
                r#"{{"region":"r{n}","url":"{}","distance":"{n}"}}"#,
                server.url
            )
        })
        .collect();
    let body = format!(r#"{{"regions":[{}]}}"#, regions.join(","));
    let kind = "Content-Type: application/json\r\nCache-Control: max-age=60\r\n";
    Act::Say(200, kind, body.leak())
}

#[tokio::test]
async fn a_read_goes_to_the_next_region_and_the_list_is_kept() {
    let (near, far) = (Server::start([AWAY]).await, Server::start([]).await);
    let home = Server::start([AWAY, list(&[&near, &far]), AWAY]).await;
    let client = client(&home, everywhere());
    client.list_rooms(&[]).await.unwrap();
    assert_eq!(home.asked(), ["ListRooms", "regions"]);
    assert_eq!((near.asked().len(), far.asked().len()), (1, 1));
    client.list_rooms(&[]).await.unwrap();
    assert_eq!(home.asked(), ["ListRooms", "regions", "ListRooms"]);
    assert_eq!((near.asked().len(), far.asked().len()), (2, 1));
}

#[tokio::test]
async fn a_dial_stays_where_it_may_have_been_carried_out() {
    let other = Server::start([]).await;
    let home = Server::start([AWAY, list(&[&other])]).await;
    let client = client(&home, everywhere());
    let dial = client.create_sip_participant(Default::default()).await;
    assert_eq!(dial.unwrap_err().attempts, 1);
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn a_region_that_may_not_serve_the_project_sends_even_a_dial_on() {
    let other = Server::start([]).await;
    let refused = Act::Say(451, "", "project not allowed in this region.");
    let home = Server::start([refused.clone(), list(&[&other]), refused]).await;
    let client = client(&home, everywhere());
    client
        .create_sip_participant(Default::default())
        .await
        .unwrap();
    assert_eq!(other.done(), [1]);
    // Refused once more, it asks for the regions anew: the list may have changed.
    home.then([list(&[&other])]);
    client.list_rooms(&[]).await.unwrap();
    assert_eq!(
        home.asked(),
        ["CreateSIPParticipant", "regions", "ListRooms", "regions"]
    );
}

#[tokio::test]
async fn other_servers_are_one_place() {
    let home = Server::start([Act::Say(451, "", "no")]).await;
    let error = client(&home, quick()).list_rooms(&[]).await.unwrap_err();
    assert_eq!((error.http_status(), error.attempts), (Some(451), 1));
    assert_eq!(home.asked(), ["ListRooms"]);
}
