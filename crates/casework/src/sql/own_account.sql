-- $1 centre, $2 hashes of session tokens, $3 the first day of which each wants entries, $4 the earliest of these days, $5 now, $6 a day that
-- is not before the open one: the last column says which that is, and who was wrong asks again
-- One row a live session: the session, its person's subsidy balance, the account and its entries, oldest first. Each part is found by a key
-- of the part before, and no plan can start elsewhere. The subject stands here so that the index posting_account, which is partial,
-- serves; bounds that are the same for all and known at the start leave months out of which nothing is asked, and those laid out for later.
SELECT asked.place,
       s.session_id, s.audience, s.subject_id, s.employer_id, s.level, s.csrf, s.device, s.created_at, s.seen_at, s.expires_at,
       s.face_digest, s.face_at, s.sms_digest, s.sms_at, s.served_person, s.served_employer, s.served_reason, s.uscc, s.holder_role,
       s.holder_sealed,
       subsidy.balance_fen,
       held.account_id, held.employer_name, held.state, held.base_fen, held.ratio_employer_bp, held.ratio_employee_bp, held.opened_on,
       held.balance_fen, held.frozen_fen, held.reserved_fen,
       entry.amounts, entry.events, entry.months, entry.dates, entry.cases,
       (SELECT open_date FROM business_day WHERE centre_id = $1)
  FROM unnest($2::bytea[], $3::date[]) WITH ORDINALITY AS asked (token_hash, first_day, place)
 CROSS JOIN LATERAL (
       SELECT session.*
         FROM session
        WHERE token_hash = asked.token_hash AND centre_id = $1 AND ended_at IS NULL AND expires_at > $5
        LIMIT 1) AS s
  LEFT JOIN LATERAL (
       SELECT m.account_id, e.name AS employer_name, m.state, m.base_fen, m.ratio_employer_bp, m.ratio_employee_bp,
              -- An account that came over from another employer has entries from before.
              min(m.opened_on) OVER (PARTITION BY m.account_id) AS opened_on,
              a.balance_fen, a.frozen_fen, a.reserved_fen
         FROM membership m
        CROSS JOIN LATERAL (
              SELECT e.name FROM employer e WHERE e.centre_id = $1 AND e.employer_id = m.employer_id LIMIT 1) AS e
        CROSS JOIN LATERAL (
              SELECT a.balance_fen, a.frozen_fen, a.reserved_fen
                FROM ledger_account a WHERE a.centre_id = $1 AND a.account_id = m.account_id LIMIT 1) AS a
        WHERE m.centre_id = $1 AND m.person_id = s.subject_id AND s.audience = 1
        ORDER BY m.state, m.membership_id DESC
        LIMIT 1) AS held ON true
  LEFT JOIN LATERAL (
       SELECT a.balance_fen
         FROM subsidy_member b
         JOIN ledger_account a ON a.centre_id = $1 AND a.account_id = b.account_id AND a.state <> 3
        WHERE b.centre_id = $1 AND b.person_id = s.subject_id AND s.audience = 1
        LIMIT 1) AS subsidy ON true
 CROSS JOIN LATERAL (
       SELECT array_agg(line.amount_fen) AS amounts, array_agg(line.event) AS events, array_agg(line.month) AS months,
              array_agg(line.business_date) AS dates, array_agg(line.case_id) AS cases
         FROM (SELECT m.amount_fen, m.business_date, j.event, j.month, j.case_id
                 FROM (SELECT journal_id, business_date, (-sum(amount_fen))::bigint AS amount_fen
                         FROM posting
                        WHERE centre_id = $1 AND account_id = held.account_id AND subject = 201
                          AND business_date >= asked.first_day
                          AND business_date >= $4::date AND business_date <= $6::date
                        GROUP BY journal_id, business_date
                       HAVING sum(amount_fen) <> 0) AS m       -- from one branch's books to another's: nothing to its holder
                CROSS JOIN LATERAL (
                      SELECT j.event, j.month, j.case_id, j.made_at
                        FROM journal j
                       WHERE j.centre_id = $1 AND j.journal_id = m.journal_id AND j.business_date = m.business_date
                         AND j.business_date >= $4::date AND j.business_date <= $6::date
                       LIMIT 1) AS j
                ORDER BY m.business_date, j.made_at, m.journal_id) AS line) AS entry
