-- An agreement that a source's word has suspended asks for that word again on this day (withdrawal.md §6.4: cause gone, it goes on). Not in
-- next_on: that is the day of a run, and no run is made while it is suspended.
ALTER TABLE repay_agreement ADD COLUMN ask_on date;
UPDATE repay_agreement SET ask_on = current_date WHERE state = 3;

-- FR-06 (withdrawal.md §9) counts who shares an address on the network too, as device_index counts who shares a browser: a keyed index, never the
-- address. On the session and not in a table of its own, for it is a fact of how that session began and goes when that goes.
ALTER TABLE session ADD COLUMN address_index bytea;
