"""The web service: routes made from the views, exports of each page's own tables, problems, security headers.

May import: everything below faces, and `faces.web`. No arithmetic, no words of its own: words are in the catalogue.
Start reading at `app.py`.
"""
