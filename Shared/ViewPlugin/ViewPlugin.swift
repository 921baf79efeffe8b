// ViewPlugin
