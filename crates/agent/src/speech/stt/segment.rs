//! Cutting a long utterance where it is quietest, so that each piece is of a length the model
//! hears well.

use crate::provider::SPEECH_RATE;

/// Pieces are at most this long. The model was trained on pieces up to 30 s, but its work grows
/// with the square of the length, and greedy decoding loses its place in long ones.
const LONGEST: usize = 12 * SPEECH_RATE as usize;

/// A cut is looked for after this much of a piece.
const EARLIEST: usize = 6 * SPEECH_RATE as usize;

/// Loudness is compared in blocks of this length (50 ms).
const BLOCK: usize = SPEECH_RATE as usize / 20;

/// A pause is the quietest stretch of this many blocks.
const PAUSE: usize = 4;

/// The pieces of `audio`, in order; together they are all of it.
pub(super) fn pieces(audio: &[i16]) -> impl Iterator<Item = &[i16]> {
    let mut rest = audio;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let cut = if rest.len() <= LONGEST {
            rest.len()
        } else {
            quietest(rest)
        };
        let (piece, after) = rest.split_at(cut);
        rest = after;
        Some(piece)
    })
}

/// The middle of the quietest pause between the earliest and the longest cut.
fn quietest(audio: &[i16]) -> usize {
    let searched = audio.get(EARLIEST..LONGEST).unwrap_or_default();
    let loudness = |block: &[i16]| block.iter().map(|s| i64::from(*s).pow(2)).sum::<i64>();
    let blocks: Vec<i64> = searched.chunks_exact(BLOCK).map(loudness).collect();
    let pauses = blocks
        .windows(PAUSE)
        .map(|pause| pause.iter().sum::<i64>())
        .enumerate();
    let best = pauses
        .min_by_key(|(_, sum)| *sum)
        .map_or(0, |(block, _)| block);
    EARLIEST + (best + PAUSE / 2) * BLOCK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_utterance_stays_whole() {
        let audio = vec![1; LONGEST];
        assert_eq!(
            pieces(&audio).map(<[i16]>::len).collect::<Vec<_>>(),
            [LONGEST]
        );
        assert_eq!(pieces(&[]).count(), 0);
    }

    #[test]
    fn a_long_one_is_cut_in_its_pause_and_nothing_is_lost() {
        let second = SPEECH_RATE as usize;
        let mut audio = vec![3_000; 20 * second];
        audio[9 * second..9 * second + second / 4].fill(2);
        let lengths: Vec<usize> = pieces(&audio).map(<[i16]>::len).collect();
        assert_eq!(lengths.iter().sum::<usize>(), audio.len());
        let first = lengths[0];
        assert!(
            (9 * second..9 * second + second / 4).contains(&first),
            "{first}"
        );
    }
}
