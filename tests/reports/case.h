/* One case with its trace, for tests of its page: a call of near, which has two interfaces, and far, 80 s long.
 *
 *     1 s near opens, 1.1 s far; 10 s near.wifi down, 10.5 s failover; 20 s near.wifi up; 25 s near-gw loses its state;
 *     30 s near.cell is cut, the last way: near dies at once, far is told at 32.02 s and dies at 58 s.
 */
#ifndef IT_TESTS_REPORTS_CASE_H
#define IT_TESTS_REPORTS_CASE_H

#include "tests/reports/folder.h"

#define SECONDS(s) #s "000000000"
#define FAULT_LIST                                                                                                     \
    "[{\"t\":" SECONDS(10) ",\"what\":\"down\",\"on\":\"near.wifi\",\"text\":\"near.wifi down\",\"until\":" SECONDS(   \
        20) ",\"takes\":{\"near\":\"part\"},\"where\":\"s.lua:3\"},"                                                   \
            "{\"t\":" SECONDS(20) ",\"what\":\"up\",\"on\":\"near.wifi\",\"text\":\"near.wifi up\",\"heals\":true},"   \
                                  "{\"t\":" SECONDS(25) ",\"what\":\"flush\",\"on\":\"near-gw\",\"text\":\"near-gw "   \
                                                        "forgets its state\"},"                                        \
                                                        "{\"t\":" SECONDS(                                             \
                                                            30) ",\"what\":\"cut\",\"on\":\"near.cell\",\"text\":"     \
                                                                "\"near.cell cut\",\"takes\":{\"near\":\"all\"},"      \
                                                                "\"counts\":[\"near\",\"far\"]}]"
#define OUTAGE_LIST                                                                                                    \
    "[{\"end\":\"near\",\"t\":" SECONDS(10) ",\"until\":" SECONDS(20) ",\"what\":\"part\"},{\"end\":\"near\",\"t\":"   \
                                                                      "" SECONDS(30) ",\"what\":\"all\"}]"
#define EVENT_LIST                                                                                                     \
    "[{\"end\":\"near\",\"name\":\"open\",\"t\":" SECONDS(                                                             \
        1) "},{\"end\":\"far\",\"name\":\"open\",\"t\":1100000000},"                                                   \
           "{\"end\":\"near\",\"name\":\"failover\",\"t\":10500000000,\"fault\":0},"                                   \
           "{\"end\":\"near\",\"name\":\"death\",\"reason\":\"link_down_no_alternative\",\"t\":" SECONDS(              \
               30) ",\"fault\":3},"                                                                                    \
                   "{\"end\":\"far\",\"name\":\"stalled\",\"since\":30020000000,\"t\":32020000000,\"fault\":3},"       \
                   "{\"end\":\"far\",\"name\":\"death\",\"reason\":\"consent_expired\",\"t\":" SECONDS(                \
                       58) ",\"fault\":3}]"
#define CHECK_LIST                                                                                                     \
    "[{\"name\":\"oracle\",\"ok\":true,\"expected\":\"open\",\"observed\":\"near: open\",\"where\":\"s.lua\"},"        \
    "{\"name\":\"stranger\",\"ok\":true,\"judged\":false,\"expected\":\"the same\",\"observed\":\"not judged: "        \
    "loss\",\"where\":\"s.lua\"}]"

/* The parts of the case that a test may change; NULL: as above. */
typedef struct parts {
    const char *faults, *outages, *events, *checks, *verdict, *more, *trace, *model, *id;
} parts;

#define OR(x, otherwise) ((x) ? (x) : (otherwise))

static inline void case_line(lines *l, const parts *p)
{
    const char *model = OR(p->model, "B");
    line(l,
         "{\"case\":\"s/%s/model=%s\",\"file\":\"s.lua\",\"title\":\"two "
         "interfaces\",\"model\":\"%s\",\"cell\":{\"model\":\"%s\"},\"ends\":[\"near\",\"far\"],\"outcome\":\"open\","
         "\"path\":\"direct_udp\",\"oracle\":{\"outcome\":\"open\",\"why\":\"they meet\"},\"metrics\":{\"t_conn\":"
         "1100000000},\"t_end\":80000000000,\"repeat\":\"icetank run x\",\"trace\":\"cases/x.trace.jsonl\",\"faults\":"
         "%s,\"outages\":%s,\"events\":%s,\"checks\":%s,\"verdict\":\"%s\"%s}",
         OR(p->id, "x"), model, model, model, OR(p->faults, FAULT_LIST), OR(p->outages, OUTAGE_LIST),
         OR(p->events, EVENT_LIST), OR(p->checks, CHECK_LIST), OR(p->verdict, "pass"), OR(p->more, ""));
}

#define MAP_NODE(name, what, more) "{\"node\":\"" name "\",\"kind\":\"node\",\"what\":\"" what "\"" more "}\n"
#define MAP_LINK(a, b) "{\"node\":\"" a "\",\"kind\":\"link\",\"peer\":\"" b "\"}\n"
/* near behind two NATs beside each other, far behind one. */
#define MAP_WORLD                                                                                                      \
    MAP_NODE("internet", "router", "")                                                                                 \
    MAP_NODE("stun", "host", "")                                                                                       \
    MAP_NODE("near", "host", "")                                                                                       \
    MAP_NODE("wifi-gw", "nat", ",\"profile\":\"linux-masq\",\"class\":\"EIM/APDF\"")                                   \
    MAP_NODE("cell-gw", "nat", ",\"profile\":\"a-name-of-a-profile-that-is-longer-than-its-room\"")                    \
    MAP_NODE("far", "host", "")                                                                                        \
    MAP_NODE("far-gw", "firewall", ",\"profile\":\"office\",\"class\":\"APDF\"")                                       \
    MAP_LINK("stun", "internet")                                                                                       \
    MAP_LINK("near", "wifi-gw")                                                                                        \
    MAP_LINK("near", "cell-gw")                                                                                        \
    MAP_LINK("wifi-gw", "internet")                                                                                    \
    MAP_LINK("cell-gw", "internet") MAP_LINK("far", "far-gw") MAP_LINK("far-gw", "internet")

/* The page of that case, freed by the caller. */
static inline char *case_page(folder *f, const parts *p)
{
    lines l = {0};
    case_line(&l, p);
    folder_put(f, "cases/x.trace.jsonl", OR(p->trace, MAP_WORLD));
    char *html = overview(f, l.p), *own = folder_get(f, "cases/x.html");
    ck_assert_ptr_nonnull(own);
    free(html);
    free(l.p);
    return own;
}

/* The overview of it alone. */
static inline char *case_overview(folder *f, const parts *p)
{
    lines l = {0};
    case_line(&l, p);
    char *html = overview(f, l.p);
    free(l.p);
    return html;
}

#define HAS(html, what) ck_assert_msg(strstr(html, what) != NULL, "the page lacks %s", what)
#define LACKS(html, what) ck_assert_msg(strstr(html, what) == NULL, "the page has %s", what)

static inline int case_run(Suite *s)
{
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
