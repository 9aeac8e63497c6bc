"""Money over the REST API: accounts, books, decks, charges, invoices, payments (``urls.routes``)."""
