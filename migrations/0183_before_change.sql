-- What somebody had before a list changed his base or ratio: the case of the change says both and the difference (contribution.md §5). Kept with the
-- list, since a day's row (membership_day) knows only how the day ended. Nothing is known of lists kept before.
ALTER TABLE roster_row ADD COLUMN base_before_fen bigint, ADD COLUMN monthly_before_fen bigint;
