<%@ page contentType="text/plain" import="java.nio.file.*" %><%-- Writes down what is posted. --%><%
if (request.getMethod().equals("POST")) {
    byte[] number = (request.getReader().readLine() + "\n").getBytes();
    Files.write(Paths.get(System.getenv("POSTS")), number, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
}
%>ok
