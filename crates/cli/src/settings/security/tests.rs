use trunkline_base::dialling::{DialPolicy, Dialling, Moment};
use trunkline_base::tariff::Micros;
use trunkline_base::time::UnixTime;
use trunkline_service::config::{Environment, Report};

use crate::global::Global;
use crate::settings::{Settings, load};

const SECURITY: &str = "security.yaml";
const SIP: &str = "livekit-sip-correct.yaml";

#[expect(clippy::unwrap_in_result, reason = "the error is what a test looks at")]
fn read(files: &[(&str, &str)]) -> Result<Settings, Report> {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let global = Global {
        config: Some(dir.path().to_owned()),
        ..Global::default()
    };
    load(&global, &Environment::default())
}

fn policy(settings: &Settings) -> DialPolicy {
    let security = &settings.security;
    security
        .dialling
        .policy(&security.tariff, settings.sip_setup.emergency())
}

#[test]
fn hours_budget_and_tariff_are_read_as_people_write_them() {
    let text = "dialling:\n  hours:\n    - {prefix: '+44', days: [mon, FRI], hours: 08:00-20:00, \
                zone: Europe/London}\n  budget: {day: 50, month: '1_000.5', zone: Europe/Berlin}\n\
                tariff:\n  currency: EUR\n  rates:\n    - {prefix: '+49', per_minute: 0.012, \
                increment: 60s, minimum: 30s}\n    - {prefix: '', per_minute: 1}\n  \
                inbound: [{prefix: '+1800', per_minute: 0.03}]\n";
    let settings = read(&[(SECURITY, text)]).unwrap_or_else(|error| panic!("{error}"));
    let policy = policy(&settings);
    let hours = &policy.hours[0];
    assert_eq!((hours.from, hours.until), (480, 1200));
    assert_eq!(hours.days, [true, false, false, false, true, false, false]);
    assert_eq!(policy.budget.day, Some(Micros(50_000_000)));
    assert_eq!(policy.budget.month, Some(Micros(1_000_500_000)));
    let rate = policy.tariff.rate("+4930123456").unwrap();
    assert_eq!(
        (rate.per_minute, rate.increment, rate.minimum),
        (Micros(12_000), 60, 30)
    );
    assert_eq!(
        policy.tariff.rate("200").unwrap().per_minute,
        Micros(1_000_000)
    );
    assert_eq!(policy.tariff.currency(), "EUR");
    assert!(policy.tariff.price_in("+18005550100").is_some());
    assert!(policy.tariff.price_in("+15550100").is_none());
}

#[test]
fn what_limits_nothing_or_cannot_be_meant_is_refused() {
    let rate = "tariff: {rates: [{prefix: '+1', per_minute: 1}]}\n";
    for (text, what) in [
        (
            "dialling: {budget: {day: 5}}\n",
            "no tariff says what calls cost",
        ),
        (
            "dialling: {hours: [{prefix: '+1', hours: '8-20'}]}\n",
            "`8-20` are no hours",
        ),
        (
            "dialling: {hours: [{prefix: '+1', hours: '24:00-08:00'}]}\n",
            "are no hours",
        ),
        (
            "dialling: {hours: [{prefix: '+1', days: [sunday], hours: '08:00-20:00'}]}\n",
            "`sunday` is no day",
        ),
        (
            "dialling: {hours: [{prefix: '+1', hours: '08:00-20:00', zone: Mars/Base}]}\n",
            "this machine knows no time zone `Mars/Base`",
        ),
        (
            "tariff: {rates: [{prefix: '+1', per_minute: cheap}]}\n",
            "`cheap` is no amount of money",
        ),
        (
            "tariff: {rates: [{prefix: '+1', per_minute: -1}]}\n",
            "`-1` is no amount of money",
        ),
        (
            "tariff: {currency: euro, rates: []}\n",
            "`euro` is no currency",
        ),
        (
            "tariff: {rates: [{prefix: '+1', per_minute: 1}, {prefix: '+1', per_minute: 2}]}\n",
            "two rates have the prefix `+1`",
        ),
        (
            "tariff: {inbound: [{prefix: '+1', per_minute: 1}, {prefix: '+1', per_minute: 2}]}\n",
            "two rates have the prefix `+1`",
        ),
        (
            "tariff: {rates: [{prefix: '+1', per_minute: 1, increment: 500ms}]}\n",
            "calls are not charged by `500ms`",
        ),
    ] {
        let error = read(&[(SECURITY, text)]).unwrap_err().to_string();
        assert!(error.contains(what), "{text}{error}");
        assert!(error.contains("security.yaml:1:"), "{error}");
    }
    let fine = format!("dialling: {{budget: {{day: 5}}}}\n{rate}");
    assert!(read(&[(SECURITY, fine.as_str())]).is_ok());
}

/// One list said what is matched and another what is let through: 105 was an emergency to the one
/// and a fraud to the other.
#[test]
fn emergency_numbers_are_one_list_and_the_old_key_counts_with_a_notice() {
    let sip = "numbering: {country: RU, emergency: ['105']}\noutbound:\n  - {key: out, address: \
               sip.example.com, numbers: ['+74951234567'], destination_country: DE}\n";
    let old = "dialling: {allow: ['+7'], emergency: ['115']}\n";
    let settings = read(&[(SIP, sip), (SECURITY, old)]).unwrap_or_else(|error| panic!("{error}"));
    let notice = settings.notices[0].to_string();
    assert!(
        notice.contains("`dialling.emergency` has moved"),
        "{notice}"
    );
    assert!(notice.contains("numbering.emergency"), "{notice}");
    let policy = policy(&settings);
    let never = |_: &str| unreachable!("there are no hours");
    let moment = Moment {
        now: UnixTime::from_secs(1),
        local: &never,
    };
    let plan = settings.sip_setup.numbering.plan("");
    for number in ["112", "103", "105", "115"] {
        let judged = policy.judge(number, number, &moment);
        assert_eq!(judged, Ok(Dialling::Emergency), "{number}");
        assert!(plan.is_emergency(number), "{number}");
    }
    assert_eq!(
        policy.judge("110", "110", &moment),
        Ok(Dialling::Emergency),
        "of Germany"
    );
    assert!(policy.judge("999", "999", &moment).is_err());
    let usual = read(&[(SECURITY, "sip: {max_calls: 5}\n")]).unwrap();
    assert!(usual.notices.is_empty());
    assert!(usual.sip_setup.emergency().contains(&"911".to_owned()));
}
