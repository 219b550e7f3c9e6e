-- What withdrawal/sql/own_books.sql says of one person, of a range of people at once; the two agree, and a test holds them to it.
-- $1 centre, $2 after this person, $3 up to this one, $4 today, $5 the amount of a freeze of the whole account, $6 back payments count for
-- continuity, $7 months that are deferred count before they are made up, $8 months contributed at another centre count
WITH member AS MATERIALIZED (
    SELECT m.person_id, m.account_id, m.state, m.sealed_on, m.opened_on, e.branch_id, e.district
      FROM membership m
      JOIN employer e USING (centre_id, employer_id)
     WHERE m.centre_id = $1 AND m.person_id > $2 AND m.person_id <= $3 AND m.state <> 9),
paid AS (
    SELECT covered.account_id, covered.month,
           row_number() OVER (PARTITION BY covered.account_id ORDER BY covered.month DESC) AS back
      FROM (SELECT l.account_id, l.month, l.employer_fen + l.employee_fen AS fen
              FROM member
              JOIN remittance_line l ON l.centre_id = $1 AND l.account_id = member.account_id
              JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.state = 3
               AND (r.kind IN (1, 3) OR $6 OR r.reason IN ('DEFERRED', 'ENFORCED', 'MERGED'))
             UNION ALL
            SELECT c.account_id, c.month, c.employer_fen + c.employee_fen
              FROM member
              JOIN contribution_change c ON c.centre_id = $1 AND c.account_id = member.account_id) AS covered
     GROUP BY covered.account_id, covered.month
    HAVING sum(covered.fen) > 0),
covered AS (
    SELECT account_id, month FROM paid WHERE back <= 60
     UNION
    SELECT d.account_id, d.month
      FROM member
      JOIN deferred_month d ON d.centre_id = $1 AND d.account_id = member.account_id
      JOIN arrangement a ON a.centre_id = d.centre_id AND a.arrangement_id = d.arrangement_id AND a.state <> 4
     WHERE $7
     UNION
    SELECT member.account_id, r.month
      FROM member
      JOIN remote_month r ON r.centre_id = $1 AND r.person_id = member.person_id
     WHERE $8),
island AS (
    SELECT account_id, month + row_number() OVER (PARTITION BY account_id ORDER BY month DESC) AS island,
           max(month) OVER (PARTITION BY account_id) AS last_month
      FROM covered),
contributed AS (
    SELECT account_id, last_month, count(*) FILTER (WHERE island = last_month + 1) AS continuous_months
      FROM island
     GROUP BY account_id, last_month),
begun AS (
    SELECT l.account_id, min(l.month) AS first_month
      FROM member
      JOIN remittance_line l ON l.centre_id = $1 AND l.account_id = member.account_id
      JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.state = 3
     GROUP BY l.account_id),
paying AS (
    SELECT b.applicant_id, count(*) AS cases
      FROM business_case b
     WHERE b.centre_id = $1 AND b.state = 5 AND b.service LIKE 'withdraw-%' AND b.service <> 'withdraw-recovery'
       AND b.service NOT LIKE 'withdraw-sign-%' AND b.wish NOT LIKE '%#returned' AND b.applicant_id > $2 AND b.applicant_id <= $3
     GROUP BY b.applicant_id),
rented AS (
    SELECT u.person_id, max(u.used_on) AS last_claim,
           max((SELECT max(used.month) FROM unnest(u.months) AS used (month))) AS last_month
      FROM withdrawal_use u
     WHERE u.centre_id = $1 AND u.person_id > $2 AND u.person_id <= $3 AND u.kind = 'RENT' AND u.state IN (1, 2)
     GROUP BY u.person_id),
listed AS (
    SELECT b.person_id, max(b.to_date) AS until
      FROM blacklist b
     WHERE b.centre_id = $1 AND b.person_id > $2 AND b.person_id <= $3 AND $4 BETWEEN b.from_date AND b.to_date
     GROUP BY b.person_id)
INSERT INTO population (centre_id, person_id, branch_id, district, state, balance_fen, frozen_fen, reserved_fen, whole_freeze,
                        transferring_out, remote_mark, opened_on, sealed_on, continuous_months, first_month, last_month, paying_cases,
                        last_rent_claim, last_rent_month, listed_until, phone_changed,
                        subsidy_fen)
SELECT $1, member.person_id, member.branch_id, member.district,
       CASE WHEN a.state = 3 THEN 'closed' WHEN member.state = 2 THEN 'sealed' ELSE 'active' END,
       a.balance_fen, CASE WHEN a.frozen_fen >= $5 THEN a.balance_fen ELSE a.frozen_fen END, a.reserved_fen, a.frozen_fen >= $5,
       EXISTS (SELECT FROM transfer_letter t
                WHERE t.centre_id = $1 AND t.person_id = member.person_id AND t.side = 2 AND t.ended_at IS NULL),
       EXISTS (SELECT FROM document c
                WHERE c.centre_id = $1 AND c.subject_id = member.person_id AND c.kind = 'doc-remote-loan-certificate'
                  AND c.revoked_at IS NULL AND c.replaced_by IS NULL AND c.valid_until >= $4),
       member.opened_on, member.sealed_on, coalesce(contributed.continuous_months, 0),
       -- Whoever has no month in full has no fact of contributions at all.
       CASE WHEN contributed.last_month IS NOT NULL THEN begun.first_month END, contributed.last_month, coalesce(paying.cases, 0),
       rented.last_claim, rented.last_month, listed.until, floor(extract(epoch FROM who.phone_changed_at))::bigint,
       coalesce(greatest(0, subsidy.balance_fen - subsidy.frozen_fen - subsidy.reserved_fen), 0)
  FROM member
  JOIN person who ON who.centre_id = $1 AND who.person_id = member.person_id
  JOIN ledger_account a ON a.centre_id = $1 AND a.account_id = member.account_id
  LEFT JOIN subsidy_member s ON s.centre_id = $1 AND s.person_id = member.person_id AND s.closed_on IS NULL
  LEFT JOIN ledger_account subsidy ON subsidy.centre_id = $1 AND subsidy.account_id = s.account_id AND subsidy.state <> 3
  LEFT JOIN contributed ON contributed.account_id = member.account_id
  LEFT JOIN begun ON begun.account_id = member.account_id
  LEFT JOIN paying ON paying.applicant_id = member.person_id
  LEFT JOIN rented ON rented.person_id = member.person_id
  LEFT JOIN listed ON listed.person_id = member.person_id
    ON CONFLICT (centre_id, person_id) DO NOTHING
