"""The reference of the served contract at `/_mock/docs`: its document with the outcomes in it, shown by Swagger UI."""
