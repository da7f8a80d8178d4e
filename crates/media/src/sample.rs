//! Conversions between sample representations, in one place so that every cast is deliberate.

/// Clamps a wide sample into 16 bits.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the value is clamped to the target's range"
)]
pub(crate) fn clamp(value: i32) -> i16 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

/// Rounds and clamps a float in 16-bit units. NaN becomes silence.
#[expect(
    clippy::cast_possible_truncation,
    reason = "float to integer casts saturate"
)]
pub(crate) fn from_f32(value: f32) -> i16 {
    value.round() as i16
}

/// Rounds and clamps a float in 16-bit units. NaN becomes silence.
#[expect(
    clippy::cast_possible_truncation,
    reason = "float to integer casts saturate"
)]
pub(crate) fn from_f64(value: f64) -> i16 {
    value.round() as i16
}

/// Rounds a non-negative float to a count, saturating.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float to integer casts saturate, and callers pass lengths"
)]
pub(crate) fn count(value: f64) -> usize {
    value.round() as usize
}
