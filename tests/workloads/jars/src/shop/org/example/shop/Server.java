package org.example.shop;

import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import org.example.greeting.Greeting;

/** Answers requests with a greeting from the other jar. */
public final class Server {
    public static void main(String[] arguments) throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 8000), 0);
        server.createContext("/", exchange -> {
            byte[] answer = Greeting.to(exchange.getRequestURI().getPath().substring(1)).getBytes();
            exchange.sendResponseHeaders(200, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
        });
        server.start();
    }
}
