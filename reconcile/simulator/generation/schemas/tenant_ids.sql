-- lead ids that are unique only within their tenant.
CREATE TABLE tenant (
    id integer PRIMARY KEY,
    name text NOT NULL,
    timezone text,
    ghl_location_id text,
    ghl_token text,
    calendly_user text,
    calendly_token text
);
CREATE TABLE lead (
    tenant_id integer NOT NULL REFERENCES tenant,
    id integer NOT NULL,
    email text,
    ghl_contact_id text,
    status text NOT NULL DEFAULT 'new',
    booking_id text,
    booking_provider text,
    booking_status text,
    booking_starts_at timestamptz,
    booking_ends_at timestamptz,
    booking_canceled_at timestamptz,
    in_sequence boolean NOT NULL DEFAULT false,
    last_inbound_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);

-- fill
INSERT INTO tenant SELECT n, name, timezone, ghl_location_id, ghl_token, calendly_user, calendly_token
FROM simulated_workspace;
INSERT INTO lead
SELECT workspace_n, row_number() OVER (PARTITION BY workspace_n ORDER BY n), email, contact_id, status, booking_id,
    booking_provider, booking_status, booking_starts_at, booking_ends_at, NULL, in_sequence, last_inbound_at
FROM simulated_lead;
