SELECT ledger_side(account.subject)
       * (coalesce((SELECT closing_fen
                      FROM account_sum
                     WHERE centre_id = $1
                       AND account_id = $2
                       AND business_date = sealed.business_date), 0)
          + coalesce((SELECT sum(amount_fen)
                        FROM posting
                       WHERE centre_id = $1
                         AND account_id = $2
                         AND business_date > coalesce(sealed.business_date, '-infinity')
                         AND business_date <= $3), 0))::bigint
  FROM ledger_account account
  LEFT JOIN LATERAL (SELECT business_date
                       FROM day_close
                      WHERE centre_id = $1
                        AND state = 2
                        AND business_date <= $3
                      ORDER BY business_date DESC
                      LIMIT 1) AS sealed ON true
 WHERE account.centre_id = $1
   AND account.account_id = $2
   AND NOT account.running
