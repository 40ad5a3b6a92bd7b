"""Private endpoints of Kraken's Spot REST API by what a call of them does: https://docs.kraken.com/api-reference."""

from __future__ import annotations

READ_ONLY = frozenset({
    "Balance", "BalanceEx", "ClosedOrders", "CreditLines", "DepositMethods", "DepositStatus", "ExportStatus",
    "GetApiKeyInfo", "Ledgers", "OpenOrders", "OpenPositions", "OrderAmends", "QueryLedgers", "QueryOrders",
    "QueryTrades", "TradeBalance", "TradeVolume", "TradesHistory", "WithdrawAddresses", "WithdrawInfo",
    "WithdrawMethods", "WithdrawStatus",
})  # fmt: skip
"""Calls that change nothing, and may be made twice. Any other may have been executed when no answer came."""

CHANGING = frozenset({
    "AddOrder", "AddOrderBatch", "AmendOrder", "CancelAll", "CancelAllOrdersAfter", "CancelOrder", "CancelOrderBatch",
    "DepositAddresses", "EditOrder", "GetWebSocketsToken", "Withdraw",
})  # fmt: skip
"""Calls of bots that change something: orders, tokens, addresses."""
