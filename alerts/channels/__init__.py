"""The ways an event reaches somebody: one file, one line below, one test each."""

from alerts.channels.base import ChannelSender
from alerts.channels.email import EmailChannel
from alerts.channels.webhook import WebhookChannel
from alerts.channels.websocket import WebsocketChannel
from alerts.choices import Channel

CHANNELS: dict[str, ChannelSender] = {
    Channel.WEBSOCKET: WebsocketChannel(),
    Channel.EMAIL: EmailChannel(),
    Channel.WEBHOOK: WebhookChannel(),
}
