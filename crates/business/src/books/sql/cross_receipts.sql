-- What came in is the debit of the bank's account in the journal that booked it; money of a recovery (E30) may be booked by a journal for each
-- person, and is what the bank's own entry says.
WITH booked AS (
    SELECT journal_id, sum(amount_fen) AS fen
      FROM posting
     WHERE centre_id = $1
       AND subject IN (10101, 10102, 10201, 10202)
     GROUP BY journal_id
),
one AS (
    SELECT r.receipt_id, r.amount_fen, r.journal_id, j.event, b.fen AS booked_fen, i.amount_fen AS told_fen
      FROM receipt r
      LEFT JOIN journal j ON j.centre_id = $1
                         AND j.journal_id = r.journal_id
      LEFT JOIN booked b ON b.journal_id = r.journal_id
      LEFT JOIN inbox i ON i.centre_id = $1
                       AND i.origin = r.bank
                       AND i.serial = r.serial
     WHERE r.centre_id = $1
)
SELECT receipt_id, format('到账 %s 分，记账凭证 %s 收进银行的是 %s 分，银行通知的是 %s 分', amount_fen, journal_id, coalesce(booked_fen, 0),
                          coalesce(told_fen::text, '（没有通知）'))
  FROM one
 WHERE CASE WHEN event = 30 THEN amount_fen <> told_fen ELSE amount_fen IS DISTINCT FROM booked_fen END
 ORDER BY receipt_id
 LIMIT 1000
