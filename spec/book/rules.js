// A search shows the words around its terms, which in the section of a clause are often those of a dump.
// This shows the rule of the clause instead: the first words of the section.
(() => {
    "use strict";
    const WORDS = 40;
    const CLAUSE = /#(?:npy|npz|gzip|pickle|index|access)\.[a-z0-9_.]+$/;
    let sections;

    /** Returns the text of a section, by its address in the book. */
    function text(address) {
        const search = window.search;
        if (!search?.doc_urls) return undefined;
        sections ??= new Map(search.doc_urls.map((url, number) => [url, search.index.documentStore.docs[number]]));
        return sections.get(address)?.body;
    }

    /** Returns the first words of a text, with the terms marked. */
    function rule(body, terms) {
        const words = body.split(/\s+/);
        const nodes = words.slice(0, WORDS).flatMap((word) => {
            const bare = word.toLowerCase();
            if (!terms.some((term) => bare.includes(term))) return [word, " "];
            const mark = document.createElement("em");
            mark.textContent = word;
            return [mark, " "];
        });
        return words.length > WORDS ? [...nodes, "…"] : nodes;
    }

    function show(link) {
        const address = new URL(link.href);
        if (!CLAUSE.test(address.hash)) return;
        const page = address.pathname.split("/").pop();
        const body = text(page + address.hash);
        const teaser = link.parentElement.querySelector(".teaser") ?? link.nextElementSibling;
        const terms = (address.searchParams.get("highlight") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
        if (body && teaser) teaser.replaceChildren(...rule(body, terms));
    }

    const results = document.querySelector("#mdbook-searchresults, #searchresults");
    if (!results) return;
    new MutationObserver((changes) => {
        for (const { addedNodes } of changes) {
            for (const node of addedNodes) {
                if (node.nodeName === "LI") node.querySelectorAll("a[href]").forEach(show);
            }
        }
    }).observe(results, { childList: true });
    // The address of the page may have had the terms.
    results.querySelectorAll("a[href]").forEach(show);
})();
