//! The words everyone uses: typed ids, secrets, tokens and grants, failure classes, retry policy.
