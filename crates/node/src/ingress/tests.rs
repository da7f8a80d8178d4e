//! What may be imported: checked, remembered, changed.

use super::*;

async fn house() -> Ingresses {
    let config = IngressConfig {
        rtmp_base_url: "rtmp://host/x".to_owned(),
        whip_base_url: "https://host/w".to_owned(),
    };
    Ingresses::new(Store::open(":memory:").await.unwrap(), config)
}

fn wanted(input: Input) -> proto::CreateIngressRequest {
    proto::CreateIngressRequest {
        input_type: input.into(),
        room_name: "lobby".to_owned(),
        participant_identity: "camera".to_owned(),
        ..Default::default()
    }
}

async fn refusal(house: &Ingresses, request: proto::CreateIngressRequest) -> String {
    house.create(request).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_push_gets_an_address_and_a_key_and_is_remembered() {
    let house = house().await;
    let rtmp = house.create(wanted(Input::RtmpInput)).await.unwrap();
    assert!(rtmp.ingress_id.starts_with("IN_") && rtmp.reusable);
    assert_eq!(
        (rtmp.url.as_str(), rtmp.stream_key.len()),
        ("rtmp://host/x", 12)
    );
    assert_eq!(rtmp.enable_transcoding, Some(true));
    let whip = house.create(wanted(Input::WhipInput)).await.unwrap();
    assert_eq!(
        (whip.url.as_str(), whip.enable_transcoding),
        ("https://host/w", Some(false))
    );

    let all = proto::ListIngressRequest::default();
    assert_eq!(house.list(&all).await.unwrap().len(), 2);
    let update = proto::UpdateIngressRequest {
        ingress_id: rtmp.ingress_id.clone(),
        room_name: "stage".to_owned(),
        ..Default::default()
    };
    let changed = house.update(update).await.unwrap();
    assert_eq!(
        (
            changed.room_name.as_str(),
            changed.participant_identity.as_str()
        ),
        ("stage", "camera")
    );
    let stage = proto::ListIngressRequest {
        room_name: "stage".to_owned(),
        ..all.clone()
    };
    assert_eq!(house.list(&stage).await.unwrap(), [changed]);
    house.delete(&rtmp.ingress_id).await.unwrap();
    let gone = house.delete(&rtmp.ingress_id).await.unwrap_err();
    assert_eq!(gone.to_string(), "ingress does not exist");
}

#[tokio::test]
async fn contradictions_are_refused_in_livekit_words() {
    let house = house().await;
    let nobody = proto::CreateIngressRequest {
        participant_identity: String::new(),
        ..wanted(Input::RtmpInput)
    };
    assert_eq!(
        refusal(&house, nobody).await,
        "invalid ingress: no participant identity"
    );
    let direct = proto::CreateIngressRequest {
        enable_transcoding: Some(false),
        ..wanted(Input::RtmpInput)
    };
    assert_eq!(
        refusal(&house, direct).await,
        "invalid transcoding bypass configuration: bypassing transcoding impossible with \
         selected input type"
    );
    let pull = |url: &str| proto::CreateIngressRequest {
        url: url.to_owned(),
        ..wanted(Input::UrlInput)
    };
    assert_eq!(
        refusal(&house, pull("")).await,
        "invalid ingress: missing URL parameter"
    );
    assert_eq!(
        refusal(&house, pull("ftp://host/a")).await,
        "invalid ingress: invalid url scheme ftp"
    );
    let nowhere = proto::CreateIngressRequest {
        room_name: String::new(),
        ..pull("https://host/a.mp4")
    };
    assert_eq!(
        refusal(&house, nowhere).await,
        "invalid ingress: no room name"
    );
    assert_eq!(
        refusal(&house, pull("https://host/a.mp4")).await,
        "ingress not connected (redis required)",
        "a pull would start at once"
    );
}

#[tokio::test]
async fn layers_are_even_and_grow_with_quality() {
    let house = house().await;
    let layers = |sizes: &[(i32, u32, u32)]| {
        let layers = sizes
            .iter()
            .map(|(quality, width, height)| proto::VideoLayer {
                quality: *quality,
                width: *width,
                height: *height,
                ..Default::default()
            });
        let options = proto::IngressVideoEncodingOptions {
            layers: layers.collect(),
            ..Default::default()
        };
        let encoding = proto::ingress_video_options::EncodingOptions::Options(options);
        proto::CreateIngressRequest {
            video: Some(proto::IngressVideoOptions {
                encoding_options: Some(encoding),
                ..Default::default()
            }),
            ..wanted(Input::RtmpInput)
        }
    };
    let odd = refusal(&house, layers(&[(0, 641, 360)])).await;
    assert_eq!(odd, "invalid ingress: layer width must be even");
    let shrinking = refusal(&house, layers(&[(0, 1280, 720), (1, 640, 360)])).await;
    assert!(shrinking.contains("increasing height"), "{shrinking}");
    assert!(
        house
            .create(layers(&[(0, 640, 360), (2, 1280, 720)]))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn without_an_address_nothing_is_served() {
    let store = Store::open(":memory:").await.unwrap();
    let house = Ingresses::new(store, IngressConfig::default());
    let text = "ingress not connected (redis required)";
    assert_eq!(refusal(&house, wanted(Input::RtmpInput)).await, text);
    let list = house.list(&proto::ListIngressRequest::default()).await;
    assert_eq!(list.unwrap_err().to_string(), text);
}
