"""Creates the alert channels from settings; imports their libraries, so it is loaded with the first message."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from reconcile.alerts.pagerduty import PagerDuty
from reconcile.alerts.post import Post
from reconcile.alerts.resend import Resend
from reconcile.alerts.slack import Slack
from reconcile.alerts.smtp import Smtp
from reconcile.alerts.webhook import Webhook
from reconcile.ports import AlertChannel, Clock
from reconcile.providers.http.transport import AiohttpTransport, tls_context
from reconcile.settings import Settings
from reconcile.wire.signing import signing_key


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFactory:
    """Creates channels; *stack* closes their HTTP transports."""

    settings: Settings
    clock: Clock
    stack: AsyncExitStack

    def slack(self) -> AlertChannel:
        return Slack(self.settings.alert_slack_url or "", post=self._post("slack"))

    def smtp(self) -> AlertChannel:
        sender, recipients = self._mail()
        url = self.settings.alert_smtp_url or ""
        return Smtp(url, sender=sender, recipients=recipients, tls=tls_context, clock=self.clock)

    def resend(self) -> AlertChannel:
        sender, recipients = self._mail()
        url, key = self.settings.alert_resend_url, self.settings.alert_resend_key or ""
        return Resend(url, key=key, sender=sender, recipients=recipients, post=self._post("resend"))

    def webhook(self) -> AlertChannel:
        key = signing_key(self.settings.alert_webhook_secret or "")
        return Webhook(self.settings.alert_webhook_url or "", key=key, post=self._post("webhook"))

    def pagerduty(self) -> AlertChannel:
        key = self.settings.alert_pagerduty_key or ""
        return PagerDuty(self.settings.alert_pagerduty_url, key=key, post=self._post("pagerduty"))

    def _post(self, name: str) -> Post:
        transport = AiohttpTransport()
        self.stack.push_async_callback(transport.aclose)
        return Post(name=name, transport=transport, clock=self.clock)

    def _mail(self) -> tuple[str, Sequence[str]]:
        (sender,) = self.settings.alert_email_from or ("",)
        return sender, self.settings.alert_email_to or ()
