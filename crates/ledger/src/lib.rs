//! Accounts, journals, postings, days: the only writer of money.
