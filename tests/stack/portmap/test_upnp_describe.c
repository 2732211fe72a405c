/* The documents of the gateway device: that they are whole, that what they name is there, and that they are all there
 * is. */
#include "tests/stack/portmap/igd.h"

static igd G;

#define ME "10.0.0.2:40000"

static const char *get(const char *path)
{
    char text[200];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    ck_assert_int_eq(igd_ask(&G, ME, text), 200);
    return strstr(G.reply, "\r\n\r\n") + 4;
}

/* Every element that begins ends, in turn. Documents of the device have no comments and no text with a '<'. */
static void well_formed(const char *x)
{
    char open[16][64];
    int depth = 0, elements = 0;
    ck_assert_int_eq(strncmp(x, "<?xml version=\"1.0\"?>", 21), 0);
    for (x = strchr(x + 1, '<'); x; x = strchr(x + 1, '<')) {
        char name[64];
        size_t n = strcspn(x + 1, " >");
        ck_assert_uint_lt(n, sizeof name);
        memcpy(name, x + 1, n);
        name[n] = '\0';
        if (name[0] == '/') {
            ck_assert_msg(depth > 0 && strcmp(open[depth - 1], name + 1) == 0, "%s ends %s", name,
                          depth ? open[depth - 1] : "nothing");
            depth--;
        } else {
            ck_assert_int_lt(depth, 16);
            snprintf(open[depth++], sizeof open[0], "%s", name);
            elements++;
        }
    }
    ck_assert_int_eq(depth, 0);
    ck_assert_int_gt(elements, 10);
}

static const char *const PATHS[] = {"/desc.xml", "/scpd.xml", "/scpd-if.xml"};

START_TEST(documents_are_well_formed)
{
    igd_open(&G, (uint8_t)(1 + _i / 3));
    well_formed(get(PATHS[_i % 3]));
    igd_close(&G);
}
END_TEST

/* Calls |f| for the text of every element |name| in |doc|. */
static int each(const char *doc, const char *name, void (*f)(const char *doc, const char *text))
{
    int n = 0;
    it_bytes rest = it_bytes_str(doc), t;
    while (it_upnp_element(rest, name, &t)) {
        char text[20000];
        snprintf(text, sizeof text, "%.*s", (int)t.n, (const char *)t.p);
        f(doc, text);
        n++;
        const uint8_t *from = t.p + t.n;
        rest = it_bytes_of(from, (size_t)(rest.p + rest.n - from));
    }
    return n;
}

static void is_variable(const char *doc, const char *text)
{
    char want[100];
    const char *table = strstr(doc, "<serviceStateTable>");
    snprintf(want, sizeof want, "<name>%s</name>", text);
    ck_assert_msg(table && strstr(table, want), "no variable %s", text);
}

START_TEST(every_argument_has_a_variable)
{
    char doc[20000];
    igd_open(&G, (uint8_t)(1 + _i / 2));
    snprintf(doc, sizeof doc, "%s", get(PATHS[1 + _i % 2]));
    ck_assert_int_gt(each(doc, "relatedStateVariable", is_variable), 3);
    igd_close(&G);
}
END_TEST

static int Version;

static void is_served(const char *doc, const char *text)
{
    (void)doc;
    it_bytes name;
    char action[64];
    ck_assert(it_upnp_element(it_bytes_str(text), "name", &name));
    snprintf(action, sizeof action, "%.*s", (int)name.n, (const char *)name.p);
    (void)igd_act(&G, ME, Version, action, "");
    ck_assert_msg(strcmp(igd_value(&G, "errorCode"), "401") != 0, "%s is not served", action);
}

START_TEST(every_action_that_is_described_is_served)
{
    char doc[20000];
    Version = _i;
    igd_open(&G, (uint8_t)_i);
    snprintf(doc, sizeof doc, "%s", get("/scpd.xml"));
    ck_assert_int_eq(each(doc, "action", is_served), _i == 1 ? 11 : 14);
    (void)igd_act(&G, ME, 1, "AddAnyPortMapping", "");
    ck_assert_str_eq(igd_value(&G, "errorCode"), _i == 1 ? "401" : "402");
    igd_close(&G);
}
END_TEST

static void is_there(const char *doc, const char *text)
{
    (void)doc;
    (void)get(text);
}

START_TEST(what_the_description_points_to_is_there)
{
    char doc[20000];
    igd_open(&G, 2);
    snprintf(doc, sizeof doc, "%s", get("/desc.xml"));
    ck_assert_int_eq(each(doc, "SCPDURL", is_there), 2);
    igd_close(&G);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("portmap/upnp_describe");
    TCase *t = tcase_create("UDA 2.0 2.3, 2.5");
    tcase_add_loop_test(t, documents_are_well_formed, 0, 6);
    tcase_add_loop_test(t, every_argument_has_a_variable, 0, 4);
    tcase_add_loop_test(t, every_action_that_is_described_is_served, 1, 3);
    tcase_add_test(t, what_the_description_points_to_is_there);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
