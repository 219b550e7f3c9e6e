# A number of TPC-B transactions by one client on tables of scale 1 in the schema tpcb_wal: small, so that after the first
# thousands no page image is written any more ("far from a checkpoint").
PGOPTIONS='-c search_path=tpcb_wal' exec "${PGBENCH:-pgbench}" -n -M prepared -b tpcb-like \
  -c 1 -t "${TRANSACTIONS:-2000}" "$DATABASE_URL"
