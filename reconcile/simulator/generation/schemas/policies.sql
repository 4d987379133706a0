-- row-level security on leads; the role of a program sees rows only by a policy.
CREATE TABLE workspaces (
    id text PRIMARY KEY,
    name text NOT NULL,
    timezone text,
    ghl_location_id text,
    ghl_token text,
    calendly_user text,
    calendly_token text
);
CREATE TABLE leads (
    id text PRIMARY KEY,
    workspace_id text NOT NULL REFERENCES workspaces,
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
    last_inbound_at timestamptz
);
CREATE INDEX ON leads (workspace_id);
ALTER TABLE leads ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_workspace ON leads USING (workspace_id = current_setting('app.workspace', true));

-- fill
INSERT INTO workspaces SELECT id, name, timezone, ghl_location_id, ghl_token, calendly_user, calendly_token
FROM simulated_workspace;
INSERT INTO leads
SELECT id, workspace_id, email, contact_id, status, booking_id, booking_provider, booking_status,
    booking_starts_at, booking_ends_at, NULL, in_sequence, last_inbound_at FROM simulated_lead;
