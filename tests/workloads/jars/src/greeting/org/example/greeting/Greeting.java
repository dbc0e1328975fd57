package org.example.greeting;

/** What the shop says. */
public final class Greeting {
    private Greeting() {}

    public static String to(String name) {
        return "hello " + name + " from Java\n";
    }
}
