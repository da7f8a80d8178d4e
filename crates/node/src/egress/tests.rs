//! Recordings that are remembered, stopped and swept.

use super::*;

async fn house(infos: &[(&str, &str, Status)]) -> Egresses {
    let store = Store::open(":memory:").await.unwrap();
    for (id, room, status) in infos {
        let info = proto::EgressInfo {
            egress_id: (*id).to_owned(),
            room_name: (*room).to_owned(),
            status: i32::from(*status),
            ..Default::default()
        };
        records::put(&store, &info).await.unwrap();
    }
    Egresses::new(store)
}

async fn listed(house: &Egresses, request: proto::ListEgressRequest) -> Vec<String> {
    let list = house.list(&request).await.unwrap();
    list.into_iter().map(|info| info.egress_id).collect()
}

#[tokio::test]
async fn recordings_are_listed_by_id_room_and_activity() {
    let house = house(&[
        ("EG_1", "a", Status::EgressActive),
        ("EG_2", "a", Status::EgressComplete),
        ("EG_3", "b", Status::EgressEnding),
    ])
    .await;
    let all = proto::ListEgressRequest::default();
    assert_eq!(listed(&house, all.clone()).await, ["EG_1", "EG_2", "EG_3"]);
    let active = proto::ListEgressRequest {
        active: true,
        ..all.clone()
    };
    assert_eq!(listed(&house, active).await, ["EG_1", "EG_3"]);
    let room = proto::ListEgressRequest {
        room_name: "b".to_owned(),
        ..all.clone()
    };
    assert_eq!(listed(&house, room).await, ["EG_3"]);
    let unknown = proto::ListEgressRequest {
        egress_id: "EG_9".to_owned(),
        ..all
    };
    let error = house.list(&unknown).await.unwrap_err();
    assert_eq!(error.to_string(), "egress does not exist");
}

#[tokio::test]
async fn a_stop_reaches_whoever_took_the_orders() {
    let house = house(&[
        ("EG_1", "a", Status::EgressActive),
        ("EG_2", "a", Status::EgressComplete),
    ])
    .await;
    let error = house.stop("EG_1").await.unwrap_err();
    assert_eq!(error.to_string(), "egress not connected (redis required)");
    let mut orders = house.take_orders().unwrap();
    assert!(house.take_orders().is_none(), "one recorder");
    let recorder = async {
        let EgressOrder::Stop { egress_id, answer } = orders.recv().await.unwrap();
        answer.send(Ok(())).unwrap();
        egress_id
    };
    let (stopped, asked) = tokio::join!(house.stop("EG_1"), recorder);
    assert_eq!(stopped.unwrap().status(), Status::EgressEnding);
    assert_eq!(asked, "EG_1");
    let error = house.stop("EG_2").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "egress with status EGRESS_COMPLETE cannot be stopped"
    );
    let error = house.stop("EG_9").await.unwrap_err();
    assert_eq!(error.to_string(), "egress does not exist");
    let error = house.update_stream("EG_1").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "UpdateStream called on non-streaming egress"
    );
}

#[tokio::test]
async fn what_ended_a_day_ago_is_forgotten() {
    let house = house(&[("EG_1", "a", Status::EgressActive)]).await;
    let now = trunkline_base::time::UnixTime::from_secs(1_800_000_000);
    let hour = std::time::Duration::from_secs(3600);
    let ended = |id: &str, at: trunkline_base::time::UnixTime| proto::EgressInfo {
        egress_id: id.to_owned(),
        status: Status::EgressComplete.into(),
        ended_at: at.nanos_i64(),
        ..Default::default()
    };
    for info in [ended("EG_2", now), ended("EG_3", now.plus(hour * 2))] {
        records::put(&house.store, &info).await.unwrap();
    }
    let (_tell, chronicle) = Chronicle::new(house.store.clone());
    chronicle.sweep(now.plus(hour * 25)).await.unwrap();
    let left = listed(&house, proto::ListEgressRequest::default()).await;
    assert_eq!(left, ["EG_1", "EG_3"]);
}
