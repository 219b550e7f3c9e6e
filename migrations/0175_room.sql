-- A case and its use of an event are written once and changed once, when the money is paid. With room beside it on its page the changed row
-- stays there: its log record holds what differs instead of the whole row, and where no index knows of the change (withdrawal_use) no
-- index is written. Measured: 1.2 kB of log less for each withdrawal (docs/performance.md, R12). For new pages.
ALTER TABLE business_case SET (fillfactor = 60);
ALTER TABLE withdrawal_use SET (fillfactor = 60);
