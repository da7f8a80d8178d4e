//! Presses with the same numbers: made anew by the sender, or brought again by the network.

use super::*;

/// The second 1 of "11" was taken for a repeat of the first: a sender began each press at the same
/// number and time.
#[test]
fn a_sender_that_counts_anew_at_each_press_presses_each_key() {
    for digits in ["427118", "1111", "00"] {
        for (lost, ends) in [(0, 3), (1, 3), (0, 1), (2, 2)] {
            let (sequence, timestamp) = (100, 8_000);
            let heard = Phone::dials(digits, |phone, packets| {
                let length = packets.len() - 3 + ends;
                phone.arrive(&packets[lost..length]);
                (phone.sequence, phone.timestamp) = (sequence, timestamp);
            });
            assert_eq!(heard, digits, "{lost} lost, {ends} ends");
        }
    }
    // Presses of which only the ends are sent.
    let heard = Phone::dials("2211", |phone, packets| {
        phone.arrive(&packets[8..]);
        phone.wait(250);
        (phone.sequence, phone.timestamp) = (100, 8_000);
    });
    assert_eq!(heard, "2211");
}

/// A second path through the network brings everything again, later.
#[test]
fn a_press_that_comes_twice_in_a_row_is_one() {
    for later in [1, 2, 4, 6] {
        let heard = Phone::dials("4271188", |phone, packets| {
            for at in 0..packets.len() + later {
                phone.now += Duration::from_millis(20);
                let now = packets.get(at);
                let again = at.checked_sub(later).and_then(|at| packets.get(at));
                now.into_iter()
                    .chain(again)
                    .for_each(|packet| phone.arrives_now(packet));
            }
        });
        assert_eq!(heard, "4271188", "{} ms later", later * 20);
    }
    let heard = Phone::dials("4271188", |phone, packets| {
        phone.arrive(&packets);
        phone.wait(60);
        // Some that lost their way.
        phone.arrive(&[packets[1], packets[0], packets[6], packets[7]]);
    });
    assert_eq!(heard, "4271188");
}
