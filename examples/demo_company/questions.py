"""What people ask the demo company, with the query that answers it."""

from __future__ import annotations

from typing import Any

DEMO = (
    "What is the total amount to pay on invoices per industry?",
    "How many customers in Germany are on each plan?",
    "What are the 3 largest won deals?",
)
"""Asked by `groundwire demo`; the first reads ERP and CRM, the second the warehouse and the CRM."""

CASES: list[dict[str, Any]] = [
    {
        "id": "demo-1",
        "question": DEMO[0],
        "gold_sql": "SELECT party.account.Industry, SUM(amount_to_pay) FROM erp.invoice GROUP BY 1",
    },
    {
        "id": "demo-2",
        "question": DEMO[1],
        "gold_sql": "SELECT plan, COUNT(*) FROM dwh.customers WHERE account.BillingCountry = 'Germany' GROUP BY 1",
    },
    {
        "id": "demo-3",
        "question": DEMO[2],
        "gold_sql": "SELECT Name, Amount FROM crm.Opportunity WHERE IsWon ORDER BY Amount DESC NULLS LAST LIMIT 3;"
        "SELECT Name FROM crm.Opportunity WHERE IsWon ORDER BY Amount DESC NULLS LAST LIMIT 3",
    },
    {
        "id": "tickets-by-owner",
        "question": "How many open helpdesk tickets are there per account owner?",
        "gold_sql": "SELECT customer.account.Owner.Name, COUNT(*) FROM dwh.tickets WHERE status = 'open' GROUP BY 1",
    },
    {
        "id": "accounts-by-segment",
        "question": "How many accounts are there per segment?",
        "gold_sql": "SELECT Segment__c, COUNT(*) FROM crm.Account GROUP BY 1",
    },
    {
        "id": "won-by-industry",
        "question": "Total amount of won deals per industry",
        "gold_sql": "SELECT Account.Industry, SUM(Amount) FROM crm.Opportunity WHERE IsWon GROUP BY 1",
    },
    {
        "id": "urgent-open",
        "question": "How many urgent tickets are open?",
        "gold_sql": "SELECT COUNT(*) FROM dwh.tickets WHERE priority = 'urgent' AND status = 'open'",
    },
    {
        "id": "open-by-country",
        "question": "How many open helpdesk tickets are there per billing country?",
        "gold_sql": "SELECT customer.account.BillingCountry, COUNT(*) FROM dwh.tickets WHERE status = 'open' GROUP BY 1",
    },
    {
        "id": "high-cases",
        "question": "Number of high priority cases per status",
        "gold_sql": "SELECT Status, COUNT(*) FROM crm.Case WHERE Priority = 'High' GROUP BY 1",
    },
    {
        "id": "invoices-by-state",
        "question": "How many invoices are there in each state?",
        "gold_sql": "SELECT state, COUNT(*) FROM erp.invoice GROUP BY 1",
    },
    {
        "id": "satisfaction",
        "question": "What is the average satisfaction of tickets per category?",
        "gold_sql": "SELECT category, AVG(satisfaction) FROM dwh.tickets GROUP BY 1",
    },
    {"id": "weather", "question": "What is the weather in Berlin today?", "answerable": False, "gold_sql": ""},
    {"id": "salary", "question": "What salary does Anna Schmidt earn?", "answerable": False, "gold_sql": ""},
    {"id": "competitor", "question": "What is our competitors' revenue?", "answerable": False, "gold_sql": ""},
]
