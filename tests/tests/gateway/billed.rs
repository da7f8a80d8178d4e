//! What a call costs, in its record: by the number that is called, in seconds as the tariff counts them.

use trunkline_base::tariff::{Micros, Rate, Tariff};
use trunkline_bridge::sip::{AnswerPolicy, GatewayConfig};
use trunkline_store::Call;

use super::callee::Callee;
use super::dialling::{dial, has, order, recorded, until};
use super::house::{House, found};

/// A minute at the least, and dear beyond Germany.
fn prices(config: &mut GatewayConfig) {
    let rate = |prefix: &str, price: u64| Rate {
        increment: 60,
        ..Rate::new(prefix, Micros(price))
    };
    let tariff = Tariff::new("EUR", vec![rate("+49", 12_000), rate("", 1_000_000)]);
    config.dialling.tariff = tariff.with_inbound(vec![rate("100", 30_000)]);
}

/// The record of a call out to this number, answered or refused.
async fn billed(house: &House, number: &str, is_answered: bool) -> Call {
    let mut callee = Callee::new().await;
    let mut order = order(&callee);
    number.clone_into(&mut order.sip_call_to);
    let placed = dial(house, order).await.unwrap();
    callee.is_called().await;
    if is_answered {
        callee.says("200 OK", "", &callee.sdp()).await;
        callee.expects("ACK").await;
        until(house, "active", has("sip.callStatus", "active")).await;
        callee.hangs_up("").await;
    } else {
        callee.says("486 Busy Here", "", "").await;
        callee.expects("ACK").await;
    }
    house.no_calls_left().await;
    recorded(house, &placed.sip_call_id).await
}

fn bill(call: &Call) -> (Option<u64>, Option<&str>, Option<&str>) {
    let (cost, currency) = (call.cost.as_deref(), call.currency.as_deref());
    (call.billed_seconds, cost, currency)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_out_costs_by_its_number_and_one_that_nobody_answered_nothing() {
    let house = House::with(AnswerPolicy::OnRoom, prices).await;
    let near = billed(&house, "+4930123456", true).await;
    assert_eq!(bill(&near), (Some(60), Some("0.012"), Some("EUR")));
    let far = billed(&house, "+15550100", true).await;
    assert_eq!(bill(&far), (Some(60), Some("1.00"), Some("EUR")));
    let busy = billed(&house, "+15550100", false).await;
    assert_eq!(bill(&busy), (None, None, None));
    let help = billed(&house, "112", true).await;
    assert_eq!(help.cost, None, "help costs nothing");
    assert!(help.billed_seconds.is_some_and(|seconds| seconds < 60));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_in_costs_where_the_tariff_says_so_of_our_number() {
    let house = House::with(AnswerPolicy::OnRoom, prices).await;
    house.call("100").await.hangup().await;
    let over = found(&house.store, async |store| {
        let call = store.calls().list(1).await.unwrap().pop()?;
        call.ended_at.is_some().then_some(call)
    })
    .await;
    assert_eq!(bill(&over), (Some(60), Some("0.03"), Some("EUR")));
    house.close().await;
}
