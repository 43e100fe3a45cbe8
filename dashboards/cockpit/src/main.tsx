import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { rememberedToken, rememberToken, takeTokenFromAddress } from "./session/token.ts";
import "./styles/fonts.css";
import "./styles/tokens.css";
import "./styles/base.css";

const arrived = takeTokenFromAddress();
if (arrived !== undefined) rememberToken(sessionStorage, arrived);

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <App token={arrived ?? rememberedToken(sessionStorage)} />
  </StrictMode>,
);
